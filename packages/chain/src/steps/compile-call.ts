import type { StoredCall, StoredItemPolicies } from "@catena/ir";
import { isSafeMethod } from "@catena/ir";
import type { CallTarget } from "@catena/pipeline";
import type { CallBody } from "@catena/upstream";
import type { CompileContext } from "../compile-context.ts";
import { wrapValueFault } from "../failure.ts";
import { compileHedge, type Hedge } from "../policies/hedge.ts";
import { compileRetry, type Retry } from "../policies/retry.ts";
import type { Action, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { isHeaderValue, rawToText } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { valueFault } from "../values/value-fault.ts";
import type { ActionPlace } from "./compile-action.ts";
import { type CompiledBody, compileBody } from "./compile-body.ts";
import { type CompiledHeaders, compileHeaders } from "./compile-headers.ts";
import { compilePath } from "./compile-path.ts";
import { compileQuery } from "./compile-query.ts";
import { type CompiledTarget, compileTarget } from "./compile-target.ts";
import { sendCall } from "./send-call.ts";
import { compileReplyRules, type ReplyRules, takeReply } from "./take-reply.ts";

/** An HTTP call of a chain made ready. */
export interface CompiledCall {
  readonly target: CompiledTarget;
  readonly method: string;
  readonly isSafe: boolean;
  readonly path: (scope: Scope) => string;
  readonly query: (scope: Scope) => string;
  readonly headers: CompiledHeaders;
  readonly body: CompiledBody | null;
  /** `auto`: minted per execution; `null`: none. */
  readonly key: CompiledValue | "auto" | null;
  readonly prepares: readonly Prepare[];
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly retry: Retry;
  readonly hedge: Hedge | null;
  readonly rules: ReplyRules;
  readonly buffered: boolean;
}

/** A call as it will be sent, on each attempt the same. */
export interface RenderedCall {
  readonly target: CallTarget;
  readonly targetKey: string;
  readonly method: string;
  /** Encoded path and query. */
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: CallBody;
  /** Sent as `Idempotency-Key`. */
  readonly key: string | null;
}

/** Compiles a call with the policies of one action. `null` after an issue. */
export function compileCall(
  call: StoredCall,
  policies: StoredItemPolicies,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): CompiledCall | null {
  const { values, limits } = context;
  const target = compileTarget(call, path, context.targets, values);
  const headers = compileHeaders(call.headers ?? {}, path, values);
  const body = call.body === undefined ? null : compileBody(call.body, `${path}/body`, values);
  const key = policies.idempotency_key;
  const compiled = {
    method: call.method,
    isSafe: isSafeMethod(call.method),
    path: compilePath(call.path, call.params ?? {}, path, values),
    query: compileQuery(call.query ?? {}, path, values),
    headers,
    body,
    key:
      key === undefined
        ? null
        : key === "auto"
          ? ("auto" as const)
          : values.compile(key, `${path}/idempotency_key`),
    prepares: values.takePrepares(),
    timeoutMs: policies.timeout ?? limits.timeoutMs,
    maxBodyBytes: policies.max_bytes ?? limits.responseBytes,
    retry: compileRetry(policies.retry),
    hedge: compileHedge(place.hedge),
    rules: compileReplyRules(call, policies, path, context, place.looksInto, place.buffered),
    buffered: place.buffered,
  };
  return target === null ? null : { ...compiled, target };
}

/** The action of a call: render once, send with retries, judge the response. */
export function callAction(call: CompiledCall): Action {
  return async (run): Promise<StepResult> => {
    if (call.prepares.length > 0) await prepareAll(call.prepares, run.scope);
    const rendered = renderCall(call, run);
    const reply = await sendCall(call, rendered, run);
    return await takeReply(call.rules, reply, run);
  };
}

/** @throws CHAIN_VALUE_INVALID, CHAIN_HOST_REFUSED before anything is sent. */
export function renderCall(call: CompiledCall, run: StepRun): RenderedCall {
  try {
    const { scope } = run;
    const { target, key: targetKey } = call.target.choose(run);
    const headers: string[] = [];
    call.headers.write(scope, headers);
    const body = call.body === null ? null : call.body(scope);
    if (body !== null && body.contentType !== null && !call.headers.names.has("content-type"))
      headers.push("Content-Type", body.contentType);
    if (!call.headers.names.has("accept")) headers.push("Accept", "*/*");
    const key = mintKey(call, scope);
    if (key !== null) headers.push("Idempotency-Key", key);
    return {
      target,
      targetKey,
      method: call.method,
      path: call.path(scope) + call.query(scope),
      headers,
      body: body?.body ?? null,
      key,
    };
  } catch (error) {
    throw wrapValueFault(error, run.label, "the call");
  }
}

/** draft-ietf-httpapi-idempotency-key-header: one key per logical request, the same on a retry. */
function mintKey(call: CompiledCall, scope: Scope): string | null {
  if (call.key === null) return null;
  if (call.key === "auto") return crypto.randomUUID();
  const key = rawToText(call.key.json(scope));
  if (key === undefined || key === "") return null;
  if (!isHeaderValue(key)) throw valueFault("has an idempotency key that a header cannot carry");
  return key;
}
