import { isGatewayError } from "@catena/errors";
import type { StoredSub } from "@catena/ir";
import { formatFault } from "@catena/json";
import type { CompileContext } from "../compile-context.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import { jsonText } from "../json-text.ts";
import type { Action, StepRun } from "../run-context.ts";
import { type ChainReply, type StepReply, StepResult } from "../step-result.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { type JsonView, type Raw, viewJson, viewTrusted } from "../values/json-view.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import type { ActionPlace } from "./compile-action.ts";
import { ComputedAction } from "./computed-action.ts";

/** A chain that others use; `null` inside while it is being compiled, as a chain that uses itself is. */
export interface CompiledSub {
  chain: CompiledChain | null;
}

interface Input {
  readonly body: CompiledValue | null;
  readonly prepares: readonly Prepare[];
  readonly isSecret: boolean;
}

/**
 * Compiles a step that runs another chain. Its reply is the result; one that is no success, whether
 * it ended so or said so, is a failure of this step.
 */
export function compileSubAction(
  stored: StoredSub,
  timeout: number | undefined,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): Action | null {
  const { values, limits } = context;
  const sub = context.sub(stored.chain, `${path}/chain`);
  const body = stored.body === undefined ? null : values.compile(stored.body, `${path}/body`);
  const isSecret = stored.body !== undefined && context.taint.isSecret(stored.body);
  const input: Input = { body, prepares: values.takePrepares(), isSecret };
  if (sub === null) return null;
  return new ComputedAction(async (run) => {
    const given = { raw: await readBody(input, run), isSecret };
    // Compiled as part of the same snapshot, so it is there before any request is.
    if (sub.chain === null) throw chainErrors.CHAIN_INTERNAL({ step: run.label });
    const reply = await runWithin(sub.chain, given, timeout, run);
    return takeSubReply(reply, run, place.looksInto(), limits.jsonDepth);
  });
}

async function readBody(input: Input, run: StepRun): Promise<Raw> {
  try {
    if (input.prepares.length > 0) await prepareAll(input.prepares, run.scope);
    return input.body?.json(run.scope);
  } catch (error) {
    throw wrapValueFault(error, run.label, "the input");
  }
}

async function runWithin(
  chain: CompiledChain,
  given: { readonly raw: Raw; readonly isSecret: boolean },
  timeout: number | undefined,
  run: StepRun,
): Promise<ChainReply> {
  const ownMs = Math.min(timeout ?? Number.POSITIVE_INFINITY, chain.deadlineMs);
  const endsAt = Math.min(run.deadlineAt, run.context.clock.monotonicMs() + ownMs);
  try {
    const within = run.under(run.cancel, endsAt);
    return await run.context.runSub(chain, given.raw, within, given.isSecret);
  } catch (error) {
    // Its own time was up, not that of the chain that uses it.
    if (isGatewayError(error, "CHAIN_DEADLINE") && run.remainingMs() > 0)
      throw chainErrors.CHAIN_STEP_TIMEOUT({ step: run.label }, error);
    throw error;
  }
}

function takeSubReply(
  reply: ChainReply,
  run: StepRun,
  looksInto: boolean,
  jsonDepth: number,
): StepResult {
  const { status, headers, body } = reply;
  if (run.trace !== null) run.trace.status = status;
  if (status < 200 || status > 299)
    throw chainErrors.CHAIN_STEP_STATUS({ step: run.label, status });
  if (!(body instanceof Uint8Array))
    return new StepResult("done", body === null ? null : viewTrusted(body), null);
  const kept: StepReply = { status, headers, body };
  return new StepResult("done", looksInto ? viewBytes(body, run, jsonDepth) : null, kept);
}

/** A reply that passes bytes on was never looked into before. */
function viewBytes(body: Uint8Array, run: StepRun, jsonDepth: number): JsonView | null {
  if (body.length === 0) return null;
  const text = jsonText(body);
  const view = text === null ? null : viewJson(text, jsonDepth);
  if (view === null || "kind" in view) {
    const reason = view === null ? "it is not UTF-8" : formatFault(view);
    throw chainErrors.CHAIN_REPLY_INVALID({ step: run.label, reason });
  }
  return view;
}
