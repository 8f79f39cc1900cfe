import type { StoredValue } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { isLarger } from "../ends/compile-reply.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { Action, StepRun } from "../run-context.ts";
import { StepResult } from "../step-result.ts";
import { viewTrusted } from "../values/json-view.ts";
import { prepareAll } from "../values/value-context.ts";
import { ComputedAction } from "./computed-action.ts";

/** A step that computes and calls nobody. */
export function compileValueAction(
  stored: StoredValue,
  path: string,
  context: CompileContext,
): Action {
  const value = context.values.compile(stored, path);
  const prepares = context.values.takePrepares();
  const maxBytes = context.limits.mergedBytes;
  const compute = (run: StepRun): StepResult => {
    try {
      const raw = value.json(run.scope);
      if (raw === undefined) return new StepResult("done", null, null);
      if (isLarger(raw, maxBytes))
        throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: run.label, maxBytes });
      return new StepResult("done", viewTrusted(raw), null);
    } catch (error) {
      throw wrapValueFault(error, run.label, "the value");
    }
  };
  if (prepares.length === 0) return new ComputedAction(compute);
  return new ComputedAction(async (run) => {
    try {
      await prepareAll(prepares, run.scope);
    } catch (error) {
      throw wrapValueFault(error, run.label, "the value");
    }
    return compute(run);
  });
}
