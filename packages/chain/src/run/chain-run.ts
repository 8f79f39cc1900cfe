import type { GatewayError } from "@catena/errors";
import { type CancelReason, CancelScope } from "@catena/upstream";
import type { ChainRequest } from "../chain-request.ts";
import type { ChainClock } from "../clock.ts";
import type { CompiledChain, CompiledStep } from "../compiled-chain.ts";
import { chainErrors } from "../errors.ts";
import { asGatewayError, wrapValueFault } from "../failure.ts";
import { checkInput } from "../input/compile-input.ts";
import type { RunContext, StepRun } from "../run-context.ts";
import type { CompiledUndo } from "../saga/compile-undo.ts";
import { Saga, type SagaEntry } from "../saga/saga.ts";
import { type ChainReply, SKIPPED, type StepResult } from "../step-result.ts";
import { runAction } from "../steps/run-action.ts";
import { type ChainTrace, endTrace } from "../trace.ts";
import { type CompiledCondition, isMet } from "../values/condition.ts";
import { InputView } from "../values/input-view.ts";
import { type Raw, viewTrusted } from "../values/json-view.ts";
import { Scope } from "../values/scope.ts";
import { clientIdentity } from "./client-identity.ts";
import type { GuardScopes } from "./guard-scopes.ts";
import { StepExecution, type StepOwner } from "./step-execution.ts";

/** What a run has from whoever started it. */
export interface RunStart {
  readonly chain: CompiledChain;
  readonly request: ChainRequest;
  readonly input: InputView;
  readonly deadlineAt: number;
  readonly scopes: GuardScopes;
  readonly trace: ChainTrace | null;
  /** The run whose step this chain is; `null` for a request's own. */
  readonly parent: ChainRun | null;
  /** Put before the names of steps. */
  readonly prefix: string;
  readonly masksAll: boolean;
}

/** Is told once that a run is over; does not throw. */
export interface RunOwner {
  /**
   * @param exit what a step answered the client with; `null` to go on to the chain's end.
   * @param failure the first one; `null` where nothing failed or a step answered.
   */
  runOver(exit: ChainReply | null, failure: GatewayError | null): void;
}

/** One execution of a chain: starts each step when what it waits for is over. */
export class ChainRun implements RunContext, StepOwner {
  readonly chain: CompiledChain;
  readonly request: ChainRequest;
  readonly scope: Scope;
  readonly deadlineAt: number;
  readonly clock: ChainClock;
  readonly random: () => number;
  readonly trace: ChainTrace | null;
  readonly scopes: GuardScopes;
  readonly masksAll: boolean;
  readonly #parent: ChainRun | null;
  readonly #prefix: string;
  readonly #depth: number;
  readonly #results: (StepResult | undefined)[];
  readonly #waiting: number[];
  #owner: RunOwner | null = null;
  #open = 0;
  #failure: GatewayError | null = null;
  #exit: ChainReply | null = null;
  #identity: string | null = null;
  #saga: Saga | null = null;
  /** Steps of this run that happened, or may have, in the order they ended. */
  #entries: SagaEntry[] | null = null;
  /** Whether a step without an undo may have changed something. */
  #hasWritten = false;

  constructor(start: RunStart) {
    const { chain } = start;
    this.chain = chain;
    this.request = start.request;
    this.deadlineAt = start.deadlineAt;
    this.clock = chain.clock;
    this.random = chain.random;
    this.trace = start.trace;
    this.scopes = start.scopes;
    this.masksAll = start.masksAll;
    this.#parent = start.parent;
    this.#prefix = start.prefix;
    this.#depth = start.parent === null ? 0 : start.parent.#depth + 1;
    this.#results = new Array<StepResult | undefined>(chain.steps.length).fill(undefined);
    this.#waiting = chain.isFlat ? chain.waitCounts : chain.waitCounts.slice();
    this.scope = new Scope(start.input, this.#results, undefined, -1);
  }

  /** Runs every step; the owner is told when nothing is in flight any more, which may be at once. */
  begin(owner: RunOwner): void {
    this.#owner = owner;
    // One that is over at once does not end the run before the others were begun.
    this.#open = 1;
    const { steps } = this.chain;
    const nowMs = this.clock.monotonicMs();
    for (let i = 0; i < steps.length; i++) {
      // The loop bound makes the element present.
      const step = steps[i] as CompiledStep;
      // Not what is left to wait for: a step that is over at once has begun those that wait for it.
      if (this.chain.waitCounts[i] === 0) this.#start(step, nowMs);
    }
    this.#open--;
    this.#settle();
  }

  /**
   * As {@link begin}, for those who wait for it among other things.
   *
   * @returns what a step answered the client with, or `null` to go on to the chain's end.
   * @throws the first failure, as a GatewayError.
   */
  execute(): Promise<ChainReply | null> {
    return new Promise((resolve, reject) => {
      this.begin({
        runOver: (exit, failure) => {
          if (failure === null) resolve(exit);
          else reject(failure);
        },
      });
    });
  }

  identity(): string {
    if (this.#parent !== null) return this.#parent.identity();
    this.#identity ??= clientIdentity(this.request);
    return this.#identity;
  }

  /** @throws CHAIN_SUB_TOO_DEEP, and whatever ended the other chain. */
  async runSub(
    chain: CompiledChain,
    body: Raw,
    step: StepRun,
    isSecret: boolean,
  ): Promise<ChainReply> {
    const maxDepth = this.#root().chain.limits.subDepth;
    if (this.#depth >= maxDepth)
      throw chainErrors.CHAIN_SUB_TOO_DEEP({ step: step.label, maxDepth });
    const { request, trace } = this;
    const view = body === undefined ? null : viewTrusted(body);
    const { coercions } = chain.input;
    const input = new InputView(request, null, view, coercions, step.scope.input.startedAtMs);
    checkSubInput(chain, input, step.label);
    const { scopes, unlink } = this.scopes.nested(step.cancel);
    const prefix = `${step.label}.`;
    const { deadlineAt } = step;
    const run = new ChainRun({
      chain,
      request,
      input,
      deadlineAt,
      scopes,
      trace,
      parent: this,
      prefix,
      masksAll: this.masksAll || isSecret,
    });
    try {
      const reply = (await run.execute()) ?? (await run.renderReply(step.label));
      if (reply.status < 400) for (const entry of run.#entries ?? []) this.#keep(entry);
      else await run.undo();
      return reply;
    } catch (error) {
      await run.undo();
      throw error;
    } finally {
      if (run.#hasWritten) step.effects.uncertain = true;
      unlink();
    }
  }

  /** Undoes what this run did, last things first, as far as it has an undo. */
  async undo(): Promise<void> {
    const entries = this.#entries;
    this.#entries = null;
    if (entries !== null) await this.saga?.undo(entries.reverse());
  }

  #keep(entry: SagaEntry): void {
    if (this.#entries === null) this.#entries = [entry];
    else this.#entries.push(entry);
  }

  /** The undo side of the request; `null` while no step with an undo was begun. */
  get saga(): Saga | null {
    return this.#root().#saga;
  }

  #sagaFor({ undo }: CompiledChain): Saga {
    if (this.#saga !== null) return this.#saga;
    // Compiling refuses a step with an undo where there is nothing to record it with.
    if (undo === null) throw chainErrors.CHAIN_INTERNAL({ step: this.chain.id });
    const { chain, request, clock, deadlineAt } = this;
    const cancel = new CancelScope();
    request.cancel.onCancel((reason) => {
      if (reason === "shutdown") cancel.cancel(reason);
    });
    const start = { services: undo, chain: chain.id, request: request.id };
    this.#saga = new Saga({ ...start, clock, deadlineAt, cancel });
    return this.#saga;
  }

  /** Computes the reply of a chain that ends with one. */
  async renderReply(label: string): Promise<ChainReply> {
    const { end } = this.chain;
    if (end.kind !== "reply") throw chainErrors.CHAIN_INTERNAL({ step: label });
    return await end.reply.render(this.scope, label);
  }

  #root(): ChainRun {
    return this.#parent === null ? this : this.#parent.#root();
  }

  #start(step: CompiledStep, nowMs: number): void {
    if (this.#failure !== null || this.#exit !== null) return;
    const label = this.#prefix + step.name;
    const stop = this.scopes.safe.reason;
    if (stop !== null) this.#fail(stopped(label, stop));
    else if (this.deadlineAt <= nowMs) this.#fail(chainErrors.CHAIN_DEADLINE({ step: label }));
    else {
      this.#open++;
      const run = new StepExecution(this, step, label);
      if (step.when === null) this.#begin(step, run);
      else this.#beginIf(step, step.when, run);
    }
  }

  #beginIf(step: CompiledStep, when: CompiledCondition, run: StepExecution): void {
    let met: boolean | Promise<boolean>;
    try {
      met = isMet(when, run.scope);
    } catch (error) {
      this.#refuse(run, error);
      return;
    }
    if (met instanceof Promise) void this.#beginLater(step, met, run);
    else this.#beginMet(step, met, run);
  }

  async #beginLater(step: CompiledStep, met: Promise<boolean>, run: StepExecution): Promise<void> {
    let known: boolean;
    try {
      known = await met;
    } catch (error) {
      this.#refuse(run, error);
      return;
    }
    this.#beginMet(step, known, run);
  }

  #beginMet(step: CompiledStep, met: boolean, run: StepExecution): void {
    if (met) {
      this.#begin(step, run);
      return;
    }
    if (run.trace !== null) run.trace.reason = "when";
    endTrace(run.trace, SKIPPED, this.clock.monotonicMs());
    run.ended(SKIPPED);
  }

  /** A step whose condition cannot be told; its rule is for what the step does. */
  #refuse(run: StepExecution, error: unknown): void {
    const failure = wrapValueFault(error, run.label, "the condition");
    endTrace(run.trace, failure, this.clock.monotonicMs());
    run.failed(failure);
  }

  #begin(step: CompiledStep, run: StepExecution): void {
    if (step.undo === null) step.action.start(run, run);
    // Settles its own failures; there is nothing to await here.
    else void this.#beginUndoable(step, step.undo, run);
  }

  async #beginUndoable(step: CompiledStep, undo: CompiledUndo, run: StepExecution): Promise<void> {
    let result: StepResult;
    try {
      result = await this.#undoable(step, undo, run);
    } catch (error) {
      run.failed(asGatewayError(error, run.label));
      return;
    }
    run.ended(result);
  }

  stepDone(step: CompiledStep, run: StepRun, result: StepResult): void {
    if (step.guard === "unsafe" && result.state === "done") run.effects.uncertain = true;
    this.#take(step, result);
    this.#stepOver(run);
  }

  stepFailed(run: StepRun, failure: GatewayError): void {
    this.#fail(failure);
    this.#stepOver(run);
  }

  /** After everything else: steps that are ended with this one are over before it is. */
  #stepOver(run: StepRun): void {
    this.#hasWritten ||= run.effects.uncertain;
    this.#open--;
    this.#settle();
  }

  /** Runs a step that can be taken back: recorded before it is called, and again when it is done. */
  async #undoable(step: CompiledStep, undo: CompiledUndo, run: StepRun): Promise<StepResult> {
    const saga = this.#root().#sagaFor(this.chain);
    const entry = await saga.begin(undo, run);
    const isOver = this.#failure !== null || this.#exit !== null;
    const { reason } = this.scopes.safe;
    if (isOver || reason !== null) {
      saga.didNothing(entry);
      throw stopped(run.label, reason ?? "sibling-failed");
    }
    try {
      const result = await runAction(step.action, step.onError, run);
      if (result.state === "done") {
        this.#results[step.index] = result;
        this.#keep(entry);
        await saga.happened(entry);
      } else this.#letGo(saga, entry, run);
      return result;
    } catch (error) {
      this.#letGo(saga, entry, run);
      throw error;
    }
  }

  /** A step that failed or was stood in for: undone only if it may have happened all the same. */
  #letGo(saga: Saga, entry: SagaEntry, run: StepRun): void {
    if (run.effects.uncertain) this.#keep(entry);
    else saga.didNothing(entry);
  }

  #take(step: CompiledStep, result: StepResult): void {
    this.#results[step.index] = result;
    if (result.exit !== null) {
      this.#exit ??= result.exit;
      this.scopes.safe.cancel("superseded");
      return;
    }
    for (const index of step.dependants) {
      const left = (this.#waiting[index] ?? 0) - 1;
      this.#waiting[index] = left;
      const dependant = this.chain.steps[index];
      if (left === 0 && dependant !== undefined) this.#start(dependant, this.clock.monotonicMs());
    }
  }

  #fail(failure: GatewayError): void {
    this.#failure ??= failure;
    // A client that left ends what only reads; what writes is let go on to its end.
    const isClientGone = this.scopes.safe.reason === "client-gone";
    this.scopes.safe.cancel("sibling-failed");
    if (!isClientGone) this.scopes.cancelUnsafe("sibling-failed");
  }

  #settle(): void {
    if (this.#open > 0) return;
    // An exit goes before what failed because of it.
    this.#owner?.runOver(this.#exit, this.#exit === null ? this.#failure : null);
  }
}

function stopped(step: string, reason: CancelReason): GatewayError {
  return reason === "deadline"
    ? chainErrors.CHAIN_DEADLINE({ step })
    : chainErrors.CHAIN_CANCELLED({ step, reason });
}

/** What a chain hands to another one is its own doing, not the client's. */
function checkSubInput(chain: CompiledChain, input: InputView, step: string): void {
  try {
    checkInput(chain.input, input);
  } catch (error) {
    const failure = asGatewayError(error, step);
    if (failure.code !== "CHAIN_INPUT_INVALID") throw failure;
    const { path, reason } = failure.details;
    throw chainErrors.CHAIN_VALUE_INVALID(
      { step, place: `the input${String(path)}`, reason: `is refused: ${String(reason)}` },
      failure,
    );
  }
}
