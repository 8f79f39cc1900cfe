import { isLarger } from "../ends/compile-reply.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { StepRun } from "../run-context.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { isHeaderValue, rawToText } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import { valueFault } from "../values/value-fault.ts";
import type { RenderedBody } from "./compile-body.ts";
import type { CompiledCall } from "./compile-call.ts";
import type { CompiledHeaders } from "./compile-headers.ts";
import type { RenderedCall } from "./send-call.ts";

/** @throws CHAIN_VALUE_INVALID, CHAIN_HOST_REFUSED before anything is sent. */
export function renderCall(call: CompiledCall, run: StepRun): RenderedCall {
  try {
    const { scope } = run;
    const { target, key: targetKey } = call.target.choose(run);
    const made = call.body === null ? null : call.body(scope);
    const headers = renderHeaders(call, made, scope);
    const body = made === null ? null : made.body;
    if (typeof body === "string") refuseLarge(body, call.maxMadeBytes, run);
    const key = call.key === null ? null : mintKey(call.key, scope);
    return {
      target,
      targetKey,
      method: call.method,
      path: call.path(scope) + call.query(scope),
      headers: key === null ? headers : [...headers, "Idempotency-Key", key],
      body,
      key,
    };
  } catch (error) {
    throw wrapValueFault(error, run.label, "the call");
  }
}

/**
 * The headers of a call but its key. Those that depend on no request are one list for all: equal lists
 * are worded once, and are known by being the same.
 */
function renderHeaders(
  call: CompiledCall,
  body: RenderedBody | null,
  scope: Scope,
): readonly string[] {
  const { headers, constantHeaders } = call;
  const contentType = body === null || headers.names.has("content-type") ? null : body.contentType;
  if (!headers.isConstant) return writeHeaders(headers, contentType, scope);
  for (const known of constantHeaders) if (known.contentType === contentType) return known.list;
  const list = writeHeaders(headers, contentType, scope);
  // Types that clients and services declare have no end.
  if (contentType === null || contentType === "application/json")
    constantHeaders.push({ contentType, list });
  return list;
}

function writeHeaders(
  headers: CompiledHeaders,
  contentType: string | null,
  scope: Scope,
): readonly string[] {
  const list: string[] = [];
  headers.write(scope, list);
  if (contentType !== null) list.push("Content-Type", contentType);
  if (!headers.names.has("accept")) list.push("Accept", "*/*");
  return list;
}

/** What is passed on was bounded when it came; what was made from it is bounded here. */
function refuseLarge(body: string, maxBytes: number, run: StepRun): void {
  if (isLarger(body, maxBytes))
    throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: run.label, maxBytes });
}

/** draft-ietf-httpapi-idempotency-key-header: one key per logical request, the same on a retry. */
function mintKey(stored: CompiledValue | "auto", scope: Scope): string | null {
  if (stored === "auto") return crypto.randomUUID();
  const key = rawToText(stored.json(scope));
  if (key === undefined || key === "") return null;
  if (!isHeaderValue(key)) throw valueFault("has an idempotency key that a header cannot carry");
  return key;
}
