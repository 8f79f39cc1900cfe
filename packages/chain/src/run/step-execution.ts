import type { GatewayError } from "@catena/errors";
import type { CompiledStep } from "../compiled-chain.ts";
import type { ErrorRule } from "../policies/on-error.ts";
import type { RunContext, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { RuledRun } from "../steps/ruled-run.ts";
import type { GuardScopes } from "./guard-scopes.ts";

/** The run that a step is part of. */
export interface StepOwner extends RunContext {
  readonly scopes: GuardScopes;
  readonly deadlineAt: number;
  stepDone(step: CompiledStep, run: StepRun, result: StepResult): void;
  stepFailed(run: StepRun, failure: GatewayError): void;
}

/** One step of a run, which is told how it ended. */
export class StepExecution extends RuledRun {
  readonly #owner: StepOwner;
  readonly #step: CompiledStep;

  /** @param label the step's name, with those of the steps that run its chain before it. */
  constructor(owner: StepOwner, step: CompiledStep, label: string) {
    const { trace, clock, scope, scopes, deadlineAt } = owner;
    const own = trace === null ? null : trace.begin(label, clock.monotonicMs());
    super(owner, scope, label, own, scopes.of(step.guard), deadlineAt, null);
    this.#owner = owner;
    this.#step = step;
  }

  get rule(): ErrorRule {
    return this.#step.onError;
  }

  ended(result: StepResult): void {
    this.#owner.stepDone(this.#step, this, result);
  }

  failed(failure: GatewayError): void {
    this.#owner.stepFailed(this, failure);
  }
}
