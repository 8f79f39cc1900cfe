import type { ContestantName } from "../contestants/contestant.ts";
import { percentile, type Spread, toSpread } from "../measure/statistics.ts";
import type { ErrorKinds, ResultRow } from "../report/results.ts";
import type { Scenario } from "../scenario.ts";

/** Collects one contestant's figures over the rounds. */
export class Tally {
  readonly cpuMicrosPerRequest: number[] = [];
  readonly requestsPerSecond: number[] = [];
  readonly ownDelayMs: number[] = [];
  residentBefore: number | null = null;
  residentAfter: number | null = null;
  /** One sorted list per round. */
  readonly #latencies: (readonly number[])[] = [];
  readonly #errors = { status: 0, socket: 0, timeout: 0 };

  /** Milliseconds, of one round. */
  addLatencies(latencies: readonly number[]): void {
    this.#latencies.push(latencies.toSorted((a, b) => a - b));
  }

  addErrors(errors: ErrorKinds): void {
    this.#errors.status += errors.status;
    this.#errors.socket += errors.socket;
    this.#errors.timeout += errors.timeout;
  }

  toRow(scenario: Scenario, contestant: ContestantName, variant: string | null = null): ResultRow {
    const spreads = {
      requests_per_s: toSpread(this.requestsPerSecond),
      p50_ms: this.#percentile(50),
      p99_ms: this.#percentile(99),
      p999_ms: this.#percentile(99.9),
    };
    const { status, socket, timeout } = this.#errors;
    return {
      scenario: scenario.name,
      variant,
      contestant,
      cpu_us_per_request: toSpread(this.cpuMicrosPerRequest),
      requests_per_s: spreads.requests_per_s?.median ?? null,
      p50_ms: spreads.p50_ms?.median ?? null,
      p99_ms: spreads.p99_ms?.median ?? null,
      p999_ms: spreads.p999_ms?.median ?? null,
      rss_mb: toMegabytes(this.residentAfter),
      rss_before_mb: toMegabytes(this.residentBefore),
      errors: status + socket + timeout,
      error_kinds: { status, socket, timeout },
      spreads,
      offered_per_s: this.ownDelayMs.length === 0 ? null : scenario.ratePerSecond,
      own_delay_p99_ms: toSpread(this.ownDelayMs)?.median ?? null,
    };
  }

  /** Below one sample past the percentile it would just be the maximum by another name. */
  #percentile(percent: number): Spread | null {
    const needed = percent === 50 ? 1 : Math.round(100 / (100 - percent));
    if (this.#latencies.every(({ length }) => length >= needed)) {
      return toSpread(this.#latencies.map((round) => percentile(round, percent)));
    }
    const all = this.#latencies.flat().toSorted((a, b) => a - b);
    return all.length >= needed ? toSpread([percentile(all, percent)]) : null;
  }
}

function toMegabytes(bytes: number | null): number | null {
  return bytes === null ? null : Math.round(bytes / 1e5) / 10;
}
