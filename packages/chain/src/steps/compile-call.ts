import {
  isSafeMethod,
  type StoredCall,
  type StoredItemPolicies,
  type StoredStep,
} from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { withBreaker } from "../policies/breaker.ts";
import { withCache } from "../policies/cache.ts";
import { withCoalescing } from "../policies/coalesce.ts";
import { compileHedge } from "../policies/hedge.ts";
import { compileRetry } from "../policies/retry.ts";
import type { Action, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { noteCall, noteReply } from "../trace/note-call.ts";
import type { CallMask } from "../trace/taint.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import type { Scope } from "../values/scope.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import type { ActionPlace } from "./compile-action.ts";
import { type CompiledBody, compileBody } from "./compile-body.ts";
import { type CompiledHeaders, compileHeaders } from "./compile-headers.ts";
import { compilePath } from "./compile-path.ts";
import { compileQuery } from "./compile-query.ts";
import { type CompiledTarget, compileTarget } from "./compile-target.ts";
import { ComputedAction } from "./computed-action.ts";
import { DirectCall, noteUnusable } from "./direct-call.ts";
import { renderCall } from "./render-call.ts";
import { isSentOnce, type Send, type SendPolicy, sendCall } from "./send-call.ts";
import { compileReplyRules, type ReplyRules, takeReply } from "./take-reply.ts";

interface ConstantHeaders {
  readonly contentType: string | null;
  readonly list: readonly string[];
}

/** An HTTP call of a chain made ready. */
export interface CompiledCall extends SendPolicy {
  readonly target: CompiledTarget;
  readonly method: string;
  readonly path: (scope: Scope) => string;
  readonly query: (scope: Scope) => string;
  readonly headers: CompiledHeaders;
  /** The lists made so far of headers that are the same for every request, by type of body. */
  readonly constantHeaders: ConstantHeaders[];
  readonly body: CompiledBody | null;
  /** `auto`: minted per execution; `null`: none. */
  readonly key: CompiledValue | "auto" | null;
  readonly prepares: readonly Prepare[];
  readonly maxMadeBytes: number;
  readonly rules: ReplyRules;
  readonly mask: CallMask;
}

/**
 * Compiles a call with the policies of one action. `null` after an issue.
 *
 * @param path to what holds `call` and the policies.
 */
export function compileCall(
  call: StoredCall,
  policies: StoredItemPolicies,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): CompiledCall | null {
  const { values, limits } = context;
  const at = `${path}/call`;
  const target = compileTarget(call, at, context.targets, values);
  const headers = compileHeaders(call.headers ?? {}, at, values);
  const body = call.body === undefined ? null : compileBody(call.body, `${at}/body`, values);
  const key = policies.idempotency_key;
  const compiled = {
    method: call.method,
    isSafe: isSafeMethod(call.method),
    path: compilePath(call.path, call.params ?? {}, at, values),
    query: compileQuery(call.query ?? {}, at, values),
    headers,
    constantHeaders: [],
    body,
    key:
      key === undefined
        ? null
        : key === "auto"
          ? ("auto" as const)
          : values.compile(key, `${path}/idempotency_key`),
    prepares: values.takePrepares(),
    maxMadeBytes: limits.mergedBytes,
    timeoutMs: policies.timeout ?? limits.timeoutMs,
    maxBodyBytes: policies.max_bytes ?? limits.responseBytes,
    retry: compileRetry(policies.retry),
    hedge: compileHedge(place.step?.hedge),
    rules: compileReplyRules(call, policies, path, context, place),
    buffered: place.buffered,
    mask: context.taint.callMask(call),
  };
  return target === null ? null : { ...compiled, target };
}

/**
 * The action of a call: render once, send with every policy on sending, judge the response, and
 * remember the result where the step says so.
 */
export function callAction(
  call: CompiledCall,
  path: string,
  context: CompileContext,
  step: StoredStep | null,
): Action {
  const isShared = step?.breaker !== undefined || step?.coalesce !== undefined;
  const action =
    isSentOnce(call) && !isShared && call.prepares.length === 0
      ? new DirectCall(call)
      : new ComputedAction(
          waitingCall(
            call,
            step === null ? sendPlain(call) : sendShared(call, step, path, context),
          ),
        );
  if (step?.cache === undefined) return action;
  return withCache(action, step, step.cache, path, context, async (result, run) => {
    if (result.view !== null || result.reply === null || !call.rules.looksInto()) return result;
    return await takeReply(call.rules, result.reply, run);
  });
}

/** A call that waits for values before it, or for more than one attempt. */
function waitingCall(call: CompiledCall, send: Send): (run: StepRun) => Promise<StepResult> {
  return async (run) => {
    if (call.prepares.length > 0) await prepareAll(call.prepares, run.scope);
    const rendered = renderCall(call, run);
    const values = noteCall(call, rendered, run);
    const reply = await send(rendered, run);
    if (values !== null) noteReply(call, values, reply, run);
    try {
      return await takeReply(call.rules, reply, run);
    } catch (error) {
      noteUnusable(call, reply, run);
      throw error;
    }
  };
}

function sendPlain(call: CompiledCall): Send {
  return (rendered, run) => sendCall(call, rendered, run);
}

/** Adds what requests share: a breaker, and calls in flight that others may wait for. */
function sendShared(
  call: CompiledCall,
  step: StoredStep,
  path: string,
  { state, chainId, values }: CompileContext,
): Send {
  const place = `${chainId}/${step.name}`;
  const { breaker, coalesce } = step;
  let send = sendPlain(call);
  if (breaker !== undefined) send = withBreaker(send, state.breaker(place), breaker);
  if (coalesce === undefined) return send;
  const key =
    coalesce === true
      ? null
      : coalesce.key.map((part, i) => values.compile(part, `${path}/coalesce/key/${i}`));
  const prepares = values.takePrepares();
  return withCoalescing(send, state.flights, { place, values: key, prepares });
}
