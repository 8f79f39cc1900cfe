/** Most series of all metrics together: labels may hold what clients sent. */
const maxSeries = 20_000;

interface Series {
  readonly labels: string;
  value: number;
  /** Of a histogram: how many observations each bucket has, those of smaller ones left out. */
  readonly buckets: number[] | null;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly series: Map<string, Series>;
}

/** Metrics as Prometheus reads them (exposition format 0.0.4). */
export class MetricTable {
  readonly #prefix: string;
  readonly #bounds: readonly number[];
  readonly #metrics = new Map<string, Metric>();
  #series = 0;
  #refused = 0;

  /** @param bounds of histograms, ascending. */
  constructor(prefix: string, bounds: readonly number[]) {
    this.#prefix = prefix;
    this.#bounds = bounds;
  }

  define(name: string, type: Metric["type"], help: string, labels: readonly string[]): void {
    this.#metrics.set(name, { name, help, type, labels, series: new Map() });
  }

  /** Adds to a counter; values are those of the labels, in order. */
  add(name: string, values: readonly string[], amount: number): void {
    const series = this.#seriesOf(name, values);
    if (series !== null) series.value += amount;
  }

  set(name: string, values: readonly string[], value: number): void {
    const series = this.#seriesOf(name, values);
    if (series !== null) series.value = value;
  }

  /** Forgets the series of a gauge, so that it has only what is set anew. */
  clear(name: string): void {
    const metric = this.#metrics.get(name);
    if (metric === undefined) return;
    this.#series -= metric.series.size;
    metric.series.clear();
  }

  observe(name: string, values: readonly string[], value: number): void {
    const series = this.#seriesOf(name, values);
    if (series?.buckets == null) return;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    const bucket = at < 0 ? this.#bounds.length : at;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.value += value;
  }

  text(): string {
    const lines: string[] = [];
    for (const metric of this.#metrics.values()) {
      if (metric.series.size === 0) continue;
      const name = this.#prefix + metric.name;
      lines.push(`# HELP ${name} ${metric.help}`, `# TYPE ${name} ${metric.type}`);
      for (const series of metric.series.values()) {
        if (series.buckets === null) lines.push(`${name}${braced(series.labels)} ${series.value}`);
        else this.#writeHistogram(name, series, series.buckets, lines);
      }
    }
    const errors = `${this.#prefix}nginx_metric_errors_total`;
    lines.push(
      `# HELP ${errors} Number of nginx-lua-prometheus errors`,
      `# TYPE ${errors} counter`,
      `${errors} ${this.#refused}`,
    );
    return `${lines.join("\n")}\n`;
  }

  #writeHistogram(name: string, series: Series, buckets: number[], lines: string[]): void {
    const before = series.labels === "" ? "" : `${series.labels},`;
    let count = 0;
    for (const [at, bound] of [...this.#bounds, Number.POSITIVE_INFINITY].entries()) {
      count += buckets[at] ?? 0;
      const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound);
      lines.push(`${name}_bucket{${before}le="${le}"} ${count}`);
    }
    lines.push(`${name}_count${braced(series.labels)} ${count}`);
    lines.push(`${name}_sum${braced(series.labels)} ${series.value}`);
  }

  #seriesOf(name: string, values: readonly string[]): Series | null {
    const metric = this.#metrics.get(name);
    if (metric === undefined) return null;
    const key = values.join("\u0000");
    const known = metric.series.get(key);
    if (known !== undefined) return known;
    if (this.#series >= maxSeries) {
      this.#refused++;
      return null;
    }
    const labels = metric.labels.map((label, at) => `${label}="${escaped(values[at] ?? "")}"`);
    const buckets = metric.type === "histogram" ? [] : null;
    const series = { labels: labels.join(","), value: 0, buckets };
    metric.series.set(key, series);
    this.#series++;
    return series;
  }
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
