import type { GatewayError } from "@catena/errors";
import { asGatewayError } from "../failure.ts";
import type { ErrorRule } from "../policies/on-error.ts";
import { type ResultTaker, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { noteEnd, recover } from "./run-action.ts";

/** An execution that takes what its action ends with, and lets its rule stand in for a failure. */
export abstract class RuledRun extends StepRun implements ResultTaker {
  abstract readonly rule: ErrorRule;

  /** Called once, or {@link failed}; does not throw. */
  abstract ended(result: StepResult): void;

  /** Called when nothing stands in for a failure; does not throw. */
  abstract failed(failure: GatewayError): void;

  take(result: StepResult): void {
    noteEnd(this, result);
    this.ended(result);
  }

  fail(error: unknown): void {
    const { rule } = this;
    if (rule.kind !== "fail") {
      void this.#recover(error, rule);
      return;
    }
    const failure = asGatewayError(error, this.label);
    noteEnd(this, failure);
    this.failed(failure);
  }

  async #recover(error: unknown, rule: ErrorRule): Promise<void> {
    let result: StepResult;
    try {
      result = await recover(error, rule, this);
    } catch (failure) {
      this.failed(asGatewayError(failure, this.label));
      return;
    }
    this.ended(result);
  }
}
