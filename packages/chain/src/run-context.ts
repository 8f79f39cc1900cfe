import type { CancelScope } from "@catena/upstream";
import type { ChainRequest } from "./chain-request.ts";
import type { ChainClock } from "./clock.ts";
import type { CompiledChain } from "./compiled-chain.ts";
import type { ChainReply, StepResult } from "./step-result.ts";
import type { ChainTrace, StepTrace } from "./trace.ts";
import type { Raw } from "./values/json-view.ts";
import type { Scope } from "./values/scope.ts";

/**
 * What may be ended early, and by what: `safe` calls by anything; `unsafe` ones by a failed sibling
 * but not by a client that left; `protected` ones (with an undo) only when everything ends.
 */
export type Guard = "safe" | "unsafe" | "protected";

/** What the steps of one run share. */
export interface RunContext {
  readonly chain: CompiledChain;
  readonly request: ChainRequest;
  readonly scope: Scope;
  readonly clock: ChainClock;
  readonly random: () => number;
  readonly trace: ChainTrace | null;
  /** Whether all values are secret: those of a chain that was given a secret as its input. */
  readonly masksAll: boolean;
  /** Whose request it is, for what must not be shared between clients; computed when asked. */
  identity(): string;
  /**
   * Runs another chain with `body` as its input, as a step of this one.
   *
   * @param isSecret whether the body holds what is derived from a secret.
   */
  runSub(chain: CompiledChain, body: Raw, step: StepRun, isSecret: boolean): Promise<ChainReply>;
}

/** What is known of the effects a step had; shared by everything the step does. */
export interface Effects {
  /** A service may have done something that no response tells of. */
  uncertain: boolean;
}

/** What sending a call needs of the execution it is part of. */
export interface SendRun {
  readonly label: string;
  readonly trace: StepTrace | null;
  readonly cancel: CancelScope;
  readonly deadlineAt: number;
  readonly effects: Effects;
  /** Absent where no client is waiting. */
  readonly caller?: ChainRequest;
  readonly context: Pick<RunContext, "clock" | "random">;
  remainingMs(): number;
}

/** One execution of a step, of a branch, or of an `each` item. */
export class StepRun implements SendRun, Effects {
  readonly context: RunContext;
  readonly scope: Scope;
  readonly trace: StepTrace | null;
  readonly cancel: CancelScope;
  /** On the clock's monotonic scale. */
  readonly deadlineAt: number;
  readonly effects: Effects;

  /** Of the step around it, for an item of an `each`. */
  readonly name: string;
  /** Said of the effects of this run where it has none in common with others. */
  uncertain = false;

  /** @param effects of what it is part of; `null` for a run whose effects are its own. */
  constructor(
    context: RunContext,
    scope: Scope,
    name: string,
    trace: StepTrace | null,
    cancel: CancelScope,
    deadlineAt: number,
    effects: Effects | null,
  ) {
    this.context = context;
    this.scope = scope;
    this.name = name;
    this.trace = trace;
    this.cancel = cancel;
    this.deadlineAt = deadlineAt;
    this.effects = effects ?? this;
  }

  /** The step's name, with the item's place inside an `each`; made when something is said of it. */
  get label(): string {
    const { index } = this.scope;
    return index < 0 ? this.name : `${this.name}[${index}]`;
  }

  get caller(): ChainRequest {
    return this.context.request;
  }

  /** Milliseconds until the chain's deadline; not above 0 when it passed. */
  remainingMs(): number {
    return this.deadlineAt - this.context.clock.monotonicMs();
  }

  /** The same execution under another scope and deadline, as when several requests wait for it. */
  under(cancel: CancelScope, deadlineAt: number, trace: StepTrace | null = this.trace): StepRun {
    const { context, scope, effects } = this;
    return new StepRun(context, scope, this.name, trace, cancel, deadlineAt, effects);
  }
}

/** Takes what an action ends with: one of the two, once. Neither throws. */
export interface ResultTaker {
  take(result: StepResult): void;
  /** @param error whatever was thrown; no rule of a step was applied to it. */
  fail(error: unknown): void;
}

/** What a step does, with every policy of it built in. */
export interface Action {
  /**
   * Begins it. It may be over before this returns; nothing is thrown. A taker in place of a promise:
   * most actions are one call, and its reply comes by a function of the connection that got it.
   */
  start(run: StepRun, taker: ResultTaker): void;
}
