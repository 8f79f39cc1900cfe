import { type GatewayError, isGatewayError } from "@catena/errors";
import type { StepResult } from "./step-result.ts";
import type { CallValues, ValueRecorder } from "./trace/call-values.ts";

/** How a step went: what a trace, `Server-Timing`, metrics and spans are made of. */
export interface StepTrace {
  /** The step's name; `name[3]` for an `each` item, `name.inner` for a sub-chain's step. */
  readonly step: string;
  /** `performance.now()` milliseconds. */
  readonly startMs: number;
  /** `NaN` while it runs. */
  endMs: number;
  /** Calls sent, hedges and retries included. */
  attempts: number;
  /** Of the last response; `null` when there was none. */
  status: number | null;
  outcome: StepOutcome;
  /** Why it was skipped, or the code it failed with. */
  reason: string | null;
  /** Of the response body. */
  bytes: number;
  /** Kept only where the trace keeps values. */
  call: CallValues | null;
}

export type StepOutcome = "running" | "done" | "skipped" | "fallback" | "failed" | "exited";

export interface TraceOptions {
  /** Steps and items beyond so many are counted only; default: all are kept. */
  readonly maxSteps?: number;
  /** Keeps what calls said, with secrets masked; default: nothing of it is kept. */
  readonly values?: ValueRecorder;
}

/** Collects the steps of one request. Pass `null` where nobody looks: then nothing is allocated. */
export class ChainTrace {
  readonly steps: StepTrace[] = [];
  /** Findings that do not end a chain, such as a response that does not match its schema. */
  readonly warnings: string[] = [];
  /** `null`: no values are kept. */
  readonly values: ValueRecorder | null;
  readonly #maxSteps: number;
  #dropped = 0;

  constructor({ maxSteps = Number.POSITIVE_INFINITY, values }: TraceOptions = {}) {
    this.#maxSteps = maxSteps;
    this.values = values ?? null;
  }

  /** How many steps and items there were beyond `maxSteps`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @returns `null` for a step that is one too many. */
  begin(step: string, nowMs: number): StepTrace | null {
    if (this.steps.length >= this.#maxSteps) {
      this.#dropped++;
      return null;
    }
    const trace: StepTrace = {
      step,
      startMs: nowMs,
      endMs: Number.NaN,
      attempts: 0,
      status: null,
      outcome: "running",
      reason: null,
      bytes: 0,
      call: null,
    };
    this.steps.push(trace);
    return trace;
  }
}

/** Writes down how a step ended. */
export function endTrace(
  trace: StepTrace | null,
  ended: StepResult | GatewayError,
  nowMs: number,
): void {
  if (trace === null) return;
  trace.endMs = nowMs;
  if (isGatewayError(ended)) {
    trace.outcome = "failed";
    trace.reason = ended.code;
  } else trace.outcome = OUTCOMES[ended.state];
}

const OUTCOMES = {
  done: "done",
  skipped: "skipped",
  degraded: "fallback",
  exit: "exited",
} as const;
