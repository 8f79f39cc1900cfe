import type { CallBody } from "@catena/upstream";
import { isLarger } from "../ends/compile-reply.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { StepRun } from "../run-context.ts";
import { isHeaderValue, rawToText } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import { valueFault } from "../values/value-fault.ts";
import type { CompiledCall } from "./compile-call.ts";
import type { RenderedCall } from "./send-call.ts";

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
    refuseLarge(body?.body ?? null, call.maxMadeBytes, run.label);
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

/** What is passed on was bounded when it came; what was made from it is bounded here. */
function refuseLarge(body: CallBody, maxBytes: number, step: string): void {
  if (typeof body === "string" && isLarger(body, maxBytes))
    throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step, maxBytes });
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
