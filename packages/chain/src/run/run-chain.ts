import { responseHeaders } from "@catena/upstream";
import type { ChainOutcome, ChainRequest } from "../chain-request.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import { wrapValueFault } from "../failure.ts";
import { readInput } from "../input/compile-input.ts";
import type { ChainReply } from "../step-result.ts";
import { checkItems } from "../steps/compile-each.ts";
import { asGatewayError } from "../steps/run-action.ts";
import type { ChainTrace } from "../trace.ts";
import type { InputView } from "../values/input-view.ts";
import { Scope } from "../values/scope.ts";
import { ChainRun } from "./chain-run.ts";
import { GuardScopes } from "./guard-scopes.ts";
import { problemReply } from "./problem-reply.ts";

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
  try {
    const input = await readInput(chain.input, request, chain.limits, clock.wallMs());
    precheck(chain, input);
    const run = new ChainRun({
      chain,
      request,
      input,
      deadlineAt,
      scopes,
      trace,
      parent: null,
      prefix: "",
    });
    const exit = await run.execute();
    const outcome = exit === null ? await renderEnd(run) : replyOutcome(exit);
    isStreaming = outcome.body instanceof ReadableStream;
    return outcome;
  } catch (error) {
    return problemReply(asGatewayError(error, chain.id), chain.id, request.id);
  } finally {
    // A stream goes on after this, and must end when the request does.
    if (!isStreaming) unfollow();
  }
}

/** Refuses a request with too many items before anything is called for it. */
function precheck(chain: CompiledChain, input: InputView): void {
  for (const step of chain.steps) {
    if (step.precheck === null) continue;
    const { items, max } = step.precheck;
    let raw: string | undefined;
    try {
      raw = items.json(new Scope(input, [], undefined, -1));
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
      return await end.forward.render(run);
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
