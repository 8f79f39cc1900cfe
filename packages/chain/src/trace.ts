import { type GatewayError, isGatewayError } from "@catena/errors";
import type { StepResult } from "./step-result.ts";

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
}

export type StepOutcome = "running" | "done" | "skipped" | "fallback" | "failed" | "exited";

/** Collects the steps of one request. Pass `null` where nobody looks: then nothing is allocated. */
export class ChainTrace {
  readonly steps: StepTrace[] = [];
  /** Findings that do not end a chain, such as a response that does not match its schema. */
  readonly warnings: string[] = [];

  begin(step: string, nowMs: number): StepTrace {
    const trace: StepTrace = {
      step,
      startMs: nowMs,
      endMs: Number.NaN,
      attempts: 0,
      status: null,
      outcome: "running",
      reason: null,
      bytes: 0,
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
