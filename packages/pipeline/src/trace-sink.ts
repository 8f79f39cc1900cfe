/**
 * Takes in what became of requests that ran a chain: for a ring that people look at, and for whatever
 * else wants to know of each step. Called once per request, after its answer.
 */
export interface TraceSink {
  /** Whether traces are to say what calls carried, secrets masked; this costs more than times alone. */
  readonly withValues: boolean;
  /** The trace is the sink's from now on; steps that undo what was done may still be added to it. */
  add(trace: RequestTrace): void;
}

/** One request through a chain. `performance.now()` milliseconds unless the name says otherwise. */
export interface RequestTrace {
  /** As clients are told it in error bodies. */
  readonly request: string;
  readonly route: string;
  readonly method: string;
  /** Path and query with secrets masked; `null` where values are not kept. */
  readonly target: string | null;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly startMs: number;
  readonly endMs: number;
  /** What the client was answered with. */
  readonly status: number;
  readonly steps: readonly TracedStep[];
  /** How many more steps and items there were than `steps` holds. */
  readonly dropped: number;
  readonly warnings: readonly string[];
}

/** How a step went. */
export interface TracedStep {
  /** `name[3]` for an item, `name.inner` for a step of a chain that is used, `name.undo` for its undo. */
  readonly step: string;
  readonly startMs: number;
  /** `NaN` while it runs. */
  readonly endMs: number;
  readonly attempts: number;
  readonly status: number | null;
  readonly outcome: string;
  /** Why it was skipped, the code it failed with, or whether its result was `cached` or `joined`. */
  readonly reason: string | null;
  /** Of the response body. */
  readonly bytes: number;
  /** `null` where values are not kept, and for a step without a call. */
  readonly call: TracedCall | null;
}

/** What a call said and was answered, with secrets masked. */
export interface TracedCall {
  readonly to: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly replyHeaders: Readonly<Record<string, string>> | null;
  readonly replyBody: string | null;
}
