import type { GatewayError } from "@catena/errors";
import { responseHeaders } from "@catena/upstream";
import type { ChainOutcome, ChainRequest } from "../chain-request.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import { chainErrors } from "../errors.ts";
import { asGatewayError, wrapValueFault } from "../failure.ts";
import { readInput } from "../input/compile-input.ts";
import type { ChainReply } from "../step-result.ts";
import { checkItems } from "../steps/compile-each.ts";
import type { ChainTrace } from "../trace.ts";
import type { InputView } from "../values/input-view.ts";
import { Scope } from "../values/scope.ts";
import { holds } from "../values/structural.ts";
import { ChainRun } from "./chain-run.ts";
import { GuardScopes } from "./guard-scopes.ts";
import { problemReply, type UndoReport } from "./problem-reply.ts";

/**
 * Runs a step chain for one request. A chain that fails ends with a problem reply that carries its
 * error; nothing is thrown. When it answers, no call of the request is in flight, except for the
 * body of a response that is streamed.
 *
 * @param trace collects how each step went; `null` where nobody looks.
 */
export async function runChain(
  chain: CompiledChain,
  request: ChainRequest,
  trace: ChainTrace | null = null,
): Promise<ChainOutcome> {
  const { clock } = chain;
  const deadlineAt = Math.min(request.deadlineAt, clock.monotonicMs() + chain.deadlineMs);
  const scopes = new GuardScopes();
  const unfollow = scopes.follow(request.cancel, chain.onClientGone);
  let isStreaming = false;
  let run: ChainRun | null = null;
  try {
    const input = await readInput(chain.input, request, chain.limits, clock.wallMs());
    precheck(chain, input);
    run = new ChainRun({
      chain,
      request,
      input,
      deadlineAt,
      scopes,
      trace,
      parent: null,
      prefix: "",
      masksAll: false,
    });
    const exit = await run.execute();
    const outcome = await settle(run, exit === null ? await renderEnd(run) : replyOutcome(exit));
    isStreaming = outcome.body instanceof ReadableStream;
    return outcome;
  } catch (error) {
    const failure = asGatewayError(error, chain.id);
    return run === null ? problemReply(failure, chain.id, request.id) : await fail(run, failure);
  } finally {
    // A stream goes on after this, and must end when the request does.
    if (!isStreaming) unfollow();
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

async function renderEnd(run: ChainRun): Promise<ChainOutcome> {
  const { end } = run.chain;
  switch (end.kind) {
    case "reply":
      return replyOutcome(await end.reply.render(run.scope, "reply"));
    case "forward":
      return { ...(await end.forward.render(run)), deadlineAt: run.deadlineAt };
    case "stream":
      return streamOutcome(run, end.step);
    default:
      return end satisfies never;
  }
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
