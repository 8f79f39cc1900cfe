import type { StepTrace } from "@catena/chain";
import type { LiveRun } from "@catena/testing";

/** One step of a waterfall; times are milliseconds since the chain began. */
export interface TriedStep {
  readonly step: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly outcome: StepTrace["outcome"];
  readonly attempts: number;
  readonly status: number | null;
  /** Why it was skipped, or the code it failed with. */
  readonly reason: string | null;
  readonly bytes: number;
  /** `GET /users/1`, secrets masked; one for each call of it that is known. */
  readonly calls: readonly string[];
  readonly call: StepTrace["call"];
}

/** What came of one request, secrets masked. */
export interface Tried {
  readonly chain: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON or another text; `null` for none. */
  readonly body: string | null;
  readonly durationMs: number;
  readonly steps: readonly TriedStep[];
  /** The code that it failed with, and why. */
  readonly failure: { readonly code: string; readonly reason: string } | null;
  /** Calls that were not answered, and why. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Makes what is shown of a run. */
export function toTried(chain: string, run: LiveRun): Tried {
  const { result, shown } = run;
  const { startMs, endMs, trace, forwardStep } = result.end;
  const steps = forwardStep === null ? result.steps : [...result.steps, forwardStep];
  const { code } = result;
  return {
    chain,
    method: shown.method,
    target: shown.target,
    status: result.status,
    headers: shown.headers,
    body: shown.body,
    durationMs: endMs - startMs,
    steps: steps.map((step) => ({
      step: step.step,
      startMs: step.startMs - startMs,
      durationMs: (Number.isNaN(step.endMs) ? endMs : step.endMs) - step.startMs,
      outcome: step.outcome,
      attempts: step.attempts,
      status: step.status,
      reason: step.reason,
      bytes: step.bytes,
      calls: callsOf(step, run),
      call: step.call,
    })),
    failure: code === null ? null : { code, reason: shown.reason ?? code },
    faults: [...new Set(shown.faults)],
    warnings: trace.warnings,
  };
}

function callsOf(step: StepTrace, { result, shown }: LiveRun): readonly string[] {
  if (step === result.end.forwardStep) return [`${shown.method} ${shown.target}`];
  if (step.call === null) return shown.callsOf(step.step);
  return [`${step.call.method} ${step.call.target}`];
}
