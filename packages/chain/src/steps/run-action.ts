import type { GatewayError } from "@catena/errors";
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
  try {
    const result = await action(run);
    note(run, result);
    return result;
  } catch (error) {
    return await fail(asGatewayError(error, run.label), rule, run);
  }
}

async function fail(first: GatewayError, rule: ErrorRule, run: StepRun): Promise<StepResult> {
  try {
    const result = await standIn(rule, first, run);
    note(run, result);
    return result;
  } catch (error) {
    const failure = asGatewayError(error, run.label);
    note(run, failure);
    throw failure;
  }
}

function note(run: StepRun, ended: StepResult | GatewayError): void {
  if (run.trace !== null) endTrace(run.trace, ended, run.context.clock.monotonicMs());
}
