import type { GatewayError } from "@catena/errors";
import { responseHeaders } from "@catena/upstream";
import type { ChainOutcome, ChainRequest } from "../chain-request.ts";
import type { OutcomeReceiver } from "../classic/run-classic.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import type { CompiledForward } from "../ends/compile-forward.ts";
import { chainErrors } from "../errors.ts";
import { asGatewayError, wrapValueFault } from "../failure.ts";
import { readInput } from "../input/compile-input.ts";
import type { ChainReply } from "../step-result.ts";
import { checkItems } from "../steps/compile-each.ts";
import type { ChainTrace } from "../trace.ts";
import type { InputView } from "../values/input-view.ts";
import { Scope } from "../values/scope.ts";
import { holds } from "../values/structural.ts";
import { ChainRun, type RunOwner } from "./chain-run.ts";
import { GuardScopes } from "./guard-scopes.ts";
import { problemReply, type UndoReport } from "./problem-reply.ts";

/**
 * Runs a step chain for one request. A chain that fails ends with a problem reply that carries its
 * error. When it answers, no call of the request is in flight, except for the body of a response that
 * is streamed.
 *
 * @param trace collects how each step went; `null` where nobody looks.
 * @param receiver is told once, possibly before this returns; its `reject` is for faults of ours.
 */
export function startChain(
  chain: CompiledChain,
  request: ChainRequest,
  trace: ChainTrace | null,
  receiver: OutcomeReceiver,
): void {
  new RequestRun(chain, request, trace, receiver).begin();
}

/** As {@link startChain}, for those that wait for the outcome. */
export function runChain(
  chain: CompiledChain,
  request: ChainRequest,
  trace: ChainTrace | null = null,
): Promise<ChainOutcome> {
  return new Promise((resolve, reject) => {
    startChain(chain, request, trace, { resolve, reject });
  });
}

/**
 * One request's way through a chain. Where nothing must be waited for it goes on at once: the end of a
 * chain of calls is computed by what got the last reply.
 */
class RequestRun implements RunOwner {
  readonly #chain: CompiledChain;
  readonly #request: ChainRequest;
  readonly #trace: ChainTrace | null;
  readonly #receiver: OutcomeReceiver;
  readonly #deadlineAt: number;
  readonly #scopes = new GuardScopes();
  #run: ChainRun | null = null;

  constructor(
    chain: CompiledChain,
    request: ChainRequest,
    trace: ChainTrace | null,
    receiver: OutcomeReceiver,
  ) {
    this.#chain = chain;
    this.#request = request;
    this.#trace = trace;
    this.#receiver = receiver;
    const nowMs = chain.clock.monotonicMs();
    this.#deadlineAt = Math.min(request.deadlineAt, nowMs + chain.deadlineMs);
  }

  begin(): void {
    const chain = this.#chain;
    const request = this.#request;
    this.#scopes.follow(request.cancel, chain.onClientGone);
    try {
      const input = readInput(chain.input, request, chain.limits, chain.clock.wallMs());
      if (input instanceof Promise) void this.#beginLater(input);
      else this.#beginWith(input);
    } catch (error) {
      this.#refuse(error);
    }
  }

  async #beginLater(input: Promise<InputView>): Promise<void> {
    try {
      this.#beginWith(await input);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #beginWith(input: InputView): void {
    const chain = this.#chain;
    precheck(chain, input);
    const run = new ChainRun({
      chain,
      request: this.#request,
      input,
      deadlineAt: this.#deadlineAt,
      scopes: this.#scopes,
      trace: this.#trace,
      parent: null,
      prefix: "",
      masksAll: false,
    });
    this.#run = run;
    run.begin(this);
  }

  /** Before any step was begun. */
  #refuse(error: unknown): void {
    const { id } = this.#chain;
    this.#answer(problemReply(asGatewayError(error, id), id, this.#request.id));
  }

  runOver(exit: ChainReply | null, failure: GatewayError | null): void {
    // A run tells that it is over after it was begun.
    const run = this.#run as ChainRun;
    let ended: ChainOutcome | Promise<ChainOutcome>;
    try {
      if (failure !== null) ended = fail(run, failure);
      else ended = endOf(run, exit === null ? renderEnd(run) : replyOutcome(exit));
    } catch (error) {
      ended = fail(run, asGatewayError(error, run.chain.id));
    }
    if (ended instanceof Promise) void this.#answerLater(ended);
    else this.#answer(ended);
  }

  async #answerLater(ended: Promise<ChainOutcome>): Promise<void> {
    try {
      this.#answer(await ended);
    } catch (error) {
      this.#scopes.unfollow();
      this.#receiver.reject(error);
    }
  }

  #answer(outcome: ChainOutcome): void {
    // A stream goes on after this, and must end when the request does.
    if (!(outcome.body instanceof ReadableStream)) this.#scopes.unfollow();
    this.#receiver.resolve(outcome);
  }
}

/** At once where nothing is to be undone and no value must be waited for. */
function endOf(
  run: ChainRun,
  outcome: ChainOutcome | Promise<ChainOutcome>,
): ChainOutcome | Promise<ChainOutcome> {
  return run.saga === null && !(outcome instanceof Promise) ? outcome : settleOrFail(run, outcome);
}

async function settleOrFail(
  run: ChainRun,
  outcome: ChainOutcome | Promise<ChainOutcome>,
): Promise<ChainOutcome> {
  try {
    return await settle(run, await outcome);
  } catch (error) {
    return await fail(run, asGatewayError(error, run.chain.id));
  }
}

/** Undoes what was done and says why; an undo that fails is what the client is told of. */
async function fail(run: ChainRun, failure: GatewayError): Promise<ChainOutcome> {
  const { chain, request } = run;
  run.saga?.notForwarded();
  await run.undo();
  const { saga } = run;
  if (saga === null) return problemReply(failure, chain.id, request.id);
  await saga.tryClose();
  return problemReply(wordUndo(failure, saga.report), chain.id, request.id, saga.report);
}

function wordUndo(failure: GatewayError, { undone, undoFailed }: UndoReport): GatewayError {
  if (undoFailed.length === 0) return failure;
  const step = String(failure.details["step"] ?? "reply");
  return chainErrors.CHAIN_UNDO_FAILED({ step, undone, undoFailed }, failure);
}

/**
 * Closes the undo record before the client is told of success, so that a process that ends now leaves
 * nothing behind that would undo it. A client told of a failure (400 and above) must not find the
 * steps done.
 *
 * @throws CHAIN_UNDO_CLOSE when the store does not take it.
 */
async function settle(run: ChainRun, outcome: ChainOutcome): Promise<ChainOutcome> {
  const { saga, chain, request } = run;
  if (saga === null) return outcome;
  if (outcome.kind === "forward") {
    await saga.forwarding().catch(refuseSuccess);
    return { ...outcome, settle: (isAccepted) => end(run, isAccepted) };
  }
  if (outcome.status < 400) {
    await saga.close().catch(refuseSuccess);
    return outcome;
  }
  await end(run, false);
  const { report } = saga;
  if (report.undoFailed.length === 0) return outcome;
  const { undone, undoFailed } = report;
  const error = chainErrors.CHAIN_UNDO_FAILED({ step: "reply", undone, undoFailed });
  return problemReply(error, chain.id, request.id, report);
}

function refuseSuccess(error: unknown): never {
  throw chainErrors.CHAIN_UNDO_CLOSE({}, error);
}

async function end(run: ChainRun, isAccepted: boolean): Promise<void> {
  if (!isAccepted) {
    run.saga?.notForwarded();
    await run.undo();
  }
  await run.saga?.tryClose();
}

/** Refuses a request with too many items before anything is called for it. */
function precheck(chain: CompiledChain, input: InputView): void {
  for (const step of chain.steps) {
    if (step.precheck === null) continue;
    const { when, items, max } = step.precheck;
    const scope = new Scope(input, [], undefined, -1);
    let raw: string | undefined;
    try {
      if (when !== null && !holds(when, scope)) continue;
      raw = items.json(scope);
    } catch (error) {
      throw wrapValueFault(error, step.name, "the items");
    }
    checkItems(raw, max, step.name);
  }
}

/** Answers at once where no value of the end must be waited for. */
function renderEnd(run: ChainRun): ChainOutcome | Promise<ChainOutcome> {
  const { end } = run.chain;
  switch (end.kind) {
    case "reply": {
      const reply = end.reply.render(run.scope, "reply");
      return reply instanceof Promise ? reply.then(replyOutcome) : replyOutcome(reply);
    }
    case "forward":
      return forwardOutcome(run, end.forward.render(run));
    case "stream":
      return streamOutcome(run, end.step);
    default:
      return end satisfies never;
  }
}

async function forwardOutcome(
  run: ChainRun,
  rendered: ReturnType<CompiledForward["render"]>,
): Promise<ChainOutcome> {
  return { ...(await rendered), deadlineAt: run.deadlineAt };
}

function replyOutcome({ status, headers, body }: ChainReply): ChainOutcome {
  return { kind: "reply", status, headers, body };
}

/** The step's own response, without what ends at this hop; a stand-in for it is JSON. */
function streamOutcome(run: ChainRun, step: number): ChainOutcome {
  const result = run.scope.results[step];
  const reply = result?.reply ?? null;
  if (result?.state === "done" && reply !== null) {
    const { status, body } = reply;
    return { kind: "reply", status, headers: responseHeaders(reply.headers), body };
  }
  const raw = result?.view?.raw;
  return raw === undefined
    ? { kind: "reply", status: 204, headers: [], body: null }
    : { kind: "reply", status: 200, headers: ["content-type", "application/json"], body: raw };
}
