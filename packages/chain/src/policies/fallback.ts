import type { StoredValue } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { wrapValueFault } from "../failure.ts";
import type { StepRun } from "../run-context.ts";
import { type StepReply, StepResult } from "../step-result.ts";
import { viewTrusted } from "../values/json-view.ts";
import { prepareAll } from "../values/value-context.ts";

/** Makes the result that stands in for a failed one; `reply` is what was received, if anything. */
export type CompiledFallback = (run: StepRun, reply: StepReply | null) => Promise<StepResult>;

export function compileFallback(
  stored: StoredValue,
  path: string,
  context: CompileContext,
): CompiledFallback {
  const value = context.values.compile(stored, path);
  const prepares = context.values.takePrepares();
  return async (run, reply) => {
    try {
      if (prepares.length > 0) await prepareAll(prepares, run.scope);
      const raw = value.json(run.scope);
      return new StepResult("degraded", raw === undefined ? null : viewTrusted(raw), reply);
    } catch (error) {
      throw wrapValueFault(error, run.label, "the fallback");
    }
  };
}
