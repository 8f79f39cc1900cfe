import { asGatewayError } from "../failure.ts";
import { type ErrorRule, standIn } from "../policies/on-error.ts";
import type { Action, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { endTrace } from "../trace.ts";

/**
 * Runs an action, lets its rule stand in for a failure, and writes down how it went.
 *
 * @throws a GatewayError, whatever was thrown inside.
 */
export async function runAction(
  action: Action,
  rule: ErrorRule,
  run: StepRun,
): Promise<StepResult> {
  const { clock } = run.context;
  try {
    const result = await action(run).catch((error: unknown) =>
      standIn(rule, asGatewayError(error, run.label), run),
    );
    endTrace(run.trace, result, clock.monotonicMs());
    return result;
  } catch (error) {
    const failure = asGatewayError(error, run.label);
    endTrace(run.trace, failure, clock.monotonicMs());
    throw failure;
  }
}
