import type { ContestantName } from "../contestants/contestant.ts";
import type { Spread } from "../measure/statistics.ts";
import type { ScenarioName } from "../scenario.ts";

/** A result file: `bench/results/<date-time>.json`. Field names are those of the file. */
export interface Results {
  readonly machine: Machine;
  /** What each present contestant and load generator says its version is. */
  readonly versions: Readonly<Record<string, string>>;
  readonly method: Method;
  readonly rows: readonly ResultRow[];
  /** Contestants by design not in a scenario, and why. */
  readonly gaps: readonly Absence[];
  /** Contestants that should have run and could not, and why. */
  readonly missing: readonly Absence[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly kernel: string;
  readonly date: string;
}

export interface Method {
  readonly rounds: number;
  readonly seconds: number;
  readonly routes: number;
  readonly changes: number;
}

/**
 * Numbers are medians over the rounds; `null` is what was not measured. A percentile with fewer
 * samples per round than it needs (100 for p99, 1000 for p99.9) is taken over all rounds together,
 * and is `null` when those are too few as well.
 */
export interface ResultRow {
  readonly scenario: ScenarioName;
  /** Tells rows of one scenario and contestant apart: `1 route`, `1000 routes`. */
  readonly variant: string | null;
  readonly contestant: ContestantName;
  /** Microseconds of CPU, user and system, of all the contestant's processes. For `boot`: until its first answer. */
  readonly cpu_us_per_request: Spread | null;
  /** Closed loop. */
  readonly requests_per_s: number | null;
  /** Open loop, from the moment a request was due. `boot`: until the first answer; `churn`: from change to answer. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly p999_ms: number | null;
  /** After the last round. */
  readonly rss_mb: number | null;
  readonly rss_before_mb: number | null;
  /** Requests not answered with 2xx, over all rounds and both loops. */
  readonly errors: number;
  readonly error_kinds: ErrorKinds;
  readonly spreads: {
    readonly requests_per_s: Spread | null;
    readonly p50_ms: Spread | null;
    readonly p99_ms: Spread | null;
    readonly p999_ms: Spread | null;
  };
  readonly offered_per_s: number | null;
  /** The open-loop client's own lateness; part of the latencies. */
  readonly own_delay_p99_ms: number | null;
}

export interface ErrorKinds {
  readonly status: number;
  readonly socket: number;
  readonly timeout: number;
}

export interface Absence {
  readonly scenario: ScenarioName | null;
  readonly contestant: ContestantName;
  readonly why: string;
}

/** One figure per row to compare by: CPU per request, or where a scenario has none, its median latency. */
export function keyFigure(
  row: ResultRow,
): { readonly name: string; readonly value: number } | null {
  if (row.cpu_us_per_request !== null && row.scenario !== "boot") {
    return { name: "CPU per request", value: row.cpu_us_per_request.median };
  }
  return row.p50_ms === null ? null : { name: "median latency", value: row.p50_ms };
}

/** Rows that belong in one table: a scenario, or one variant of it. */
export function groupRows(rows: readonly ResultRow[]): ReadonlyMap<string, readonly ResultRow[]> {
  const groups = new Map<string, ResultRow[]>();
  for (const row of rows) {
    const title = row.variant === null ? row.scenario : `${row.scenario} (${row.variant})`;
    const group = groups.get(title);
    if (group === undefined) groups.set(title, [row]);
    else group.push(row);
  }
  return groups;
}
