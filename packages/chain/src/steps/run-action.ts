import type { GatewayError } from "@catena/errors";
import { asGatewayError } from "../failure.ts";
import { type ErrorRule, standIn } from "../policies/on-error.ts";
import type { Action, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { endTrace } from "../trace.ts";
import { perform } from "./computed-action.ts";

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
    const result = await perform(action, run);
    noteEnd(run, result);
    return result;
  } catch (error) {
    return await recover(error, rule, run);
  }
}

/**
 * The part of {@link runAction} that comes after a failure, for those who take it themselves.
 *
 * @throws a GatewayError where nothing stands in for it.
 */
export async function recover(thrown: unknown, rule: ErrorRule, run: StepRun): Promise<StepResult> {
  try {
    const result = await standIn(rule, asGatewayError(thrown, run.label), run);
    noteEnd(run, result);
    return result;
  } catch (error) {
    const failure = asGatewayError(error, run.label);
    noteEnd(run, failure);
    throw failure;
  }
}

/** Writes down how an action ended, where somebody looks. */
export function noteEnd(run: StepRun, ended: StepResult | GatewayError): void {
  if (run.trace !== null) endTrace(run.trace, ended, run.context.clock.monotonicMs());
}
