import type { Issue, SourcePosition } from "@catena/errors";

/** How a test file went. */
export interface TestedFile {
  readonly file: string;
  readonly cases: readonly TestedCase[];
  /** What kept the file, or a config it uses, from being run as it is written. */
  readonly issues: readonly Issue[];
}

export interface TestedCase {
  readonly name: string;
  readonly durationMs: number;
  readonly failures: readonly TestFailure[];
  /** The run in words; `null` where there was none. */
  readonly happened: string | null;
}

/** One thing that was not as declared. */
export interface TestFailure {
  readonly source: SourcePosition;
  /** The part of the case that says so, as `expect.status`; empty for the case as a whole. */
  readonly part: string;
  readonly message: string;
  readonly differences: readonly {
    readonly path: string;
    /** `undefined` when nothing is expected there. */
    readonly expected: unknown;
    /** `undefined` when nothing is there. */
    readonly found: unknown;
  }[];
}

/** Whether everything of a file was as declared. */
export function hasPassed({ cases, issues }: TestedFile): boolean {
  return issues.length === 0 && cases.every(({ failures }) => failures.length === 0);
}
