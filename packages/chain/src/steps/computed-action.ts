import type { Action, ResultTaker, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";

/** An action that is a function: it answers at once, or waits for something. */
export class ComputedAction implements Action {
  readonly #act: (run: StepRun) => StepResult | Promise<StepResult>;

  constructor(act: (run: StepRun) => StepResult | Promise<StepResult>) {
    this.#act = act;
  }

  start(run: StepRun, taker: ResultTaker): void {
    let result: StepResult | Promise<StepResult>;
    try {
      result = this.#act(run);
    } catch (error) {
      taker.fail(error);
      return;
    }
    if (result instanceof Promise) void handOver(result, taker);
    else taker.take(result);
  }
}

/** Gives a taker what a promise ends with; never rejects. */
export async function handOver(pending: Promise<StepResult>, taker: ResultTaker): Promise<void> {
  let result: StepResult;
  try {
    result = await pending;
  } catch (error) {
    taker.fail(error);
    return;
  }
  taker.take(result);
}

/** Starts an action, for those who wait for it among other things. */
export function perform(action: Action, run: StepRun): Promise<StepResult> {
  return new Promise((resolve, reject) => {
    action.start(run, { take: resolve, fail: reject });
  });
}
