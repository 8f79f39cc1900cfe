import type { RequestTrace, TracedCall, TracedStep, TraceSink } from "@catena/pipeline";

/** A trace as the Control API shows it; milliseconds, those of steps from the request's beginning. */
export interface ShownTrace {
  readonly request: string;
  readonly route: string;
  readonly method: string;
  /** Path and query, where values are kept. */
  readonly target?: string;
  /** RFC 3339. */
  readonly started: string;
  readonly duration_ms: number;
  readonly status: number;
  readonly steps: readonly ShownStep[];
  /** Steps and items there were beyond those listed. */
  readonly steps_left_out?: number;
  readonly warnings?: readonly string[];
}

export interface ShownStep {
  readonly step: string;
  readonly start_ms: number;
  /** `null` while it runs. */
  readonly duration_ms: number | null;
  readonly outcome: string;
  readonly attempts: number;
  readonly status?: number;
  readonly reason?: string;
  readonly bytes: number;
  readonly call?: ShownCall;
}

export interface ShownCall {
  readonly to: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly reply_headers: Readonly<Record<string, string>> | null;
  readonly reply_body: string | null;
}

/** The traces of the last requests that ran a chain. Taking one in is one assignment. */
export class TraceRing implements TraceSink {
  readonly withValues: boolean;
  readonly #ring: (RequestTrace | undefined)[];
  #next = 0;

  /** @param keep at least 1. */
  constructor(keep: number, withValues: boolean) {
    this.withValues = withValues;
    this.#ring = new Array<RequestTrace | undefined>(keep).fill(undefined);
  }

  add(trace: RequestTrace): void {
    this.#ring[this.#next] = trace;
    this.#next = (this.#next + 1) % this.#ring.length;
  }

  /** Latest first. @param route only those of a route. */
  list(route?: string): readonly ShownTrace[] {
    const ordered = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return ordered
      .filter((trace) => trace !== undefined)
      .filter((trace) => route === undefined || trace.route === route)
      .reverse()
      .map(showTrace);
  }

  /** The trace of a request; `null` when it is not kept, or not any more. */
  find(request: string): ShownTrace | null {
    const found = this.#ring.find((trace) => trace?.request === request);
    return found === undefined ? null : showTrace(found);
  }
}

function showTrace(trace: RequestTrace): ShownTrace {
  const { request, route, method, target, startedAt, startMs, endMs, status } = trace;
  const { steps, dropped, warnings } = trace;
  return {
    request,
    route,
    method,
    ...(target === null ? {} : { target }),
    started: new Date(startedAt).toISOString(),
    duration_ms: round(endMs - startMs),
    status,
    steps: steps.map((step) => showStep(step, startMs)),
    ...(dropped === 0 ? {} : { steps_left_out: dropped }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

function showStep(traced: TracedStep, requestMs: number): ShownStep {
  const { step, startMs, endMs, outcome, attempts, status, reason, bytes, call } = traced;
  return {
    step,
    start_ms: round(startMs - requestMs),
    duration_ms: Number.isNaN(endMs) ? null : round(endMs - startMs),
    outcome,
    attempts,
    ...(status === null ? {} : { status }),
    ...(reason === null ? {} : { reason }),
    bytes,
    ...(call === null ? {} : { call: showCall(call) }),
  };
}

function showCall({ to, method, target, headers, body, ...reply }: TracedCall): ShownCall {
  const { replyHeaders: reply_headers, replyBody: reply_body } = reply;
  return { to, method, target, headers, body, reply_headers, reply_body };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
