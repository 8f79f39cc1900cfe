import type { GatewayError } from "@catena/errors";
import { NOT_TOKEN, NOT_VALUE } from "@catena/http";
import { upstreamErrors } from "../errors.ts";
import type { CancelReason } from "./cancel-scope.ts";
import { describeOrigin } from "./describe-origin.ts";
import type { UpstreamCall } from "./transport.ts";

/** RFC 9112 §3.2.1: origin-form. Visible ASCII only; `#` never reaches the wire. */
const NOT_TARGET = /[^\x21\x22\x24-\x7e]/;

const FRAMING = /^(?:content-length|transfer-encoding)$/i;

/**
 * The first reason why a call cannot be written as a request, or `null`. Run before a connection is
 * taken, so a refused call leaves no trace at the peer.
 */
function refuseCall(call: UpstreamCall): string | null {
  const { method, target, headers } = call;
  if (method === "" || NOT_TOKEN.test(method)) return "the method is not a token";
  if (method === "CONNECT") return "CONNECT is not a request for an origin";
  if (!target.startsWith("/") || NOT_TARGET.test(target))
    return "the target is not an encoded path";
  if (headers.length % 2 !== 0) return "a header has no value";
  let hosts = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (name === "" || NOT_TOKEN.test(name)) return "a header name is not a token";
    // The value may be a secret: the reason names the header only.
    if (NOT_VALUE.test(headers[i + 1] ?? ""))
      return `the value of "${name}" has forbidden characters`;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
    if ((name.length === 14 || name.length === 17) && FRAMING.test(name))
      return `"${name}" is written by the transport`;
  }
  // RFC 9112 §3.2: exactly one, or the peer has to refuse the request.
  if (hosts !== 1) return "a request has one host header";
  return null;
}

/** The error of a call that ended because its {@link CancelReason} came. */
export function cancelError(call: UpstreamCall, reason: CancelReason, sent: boolean): GatewayError {
  const fault = { origin: describeOrigin(call.origin), sent, reason };
  return reason === "deadline"
    ? upstreamErrors.UPSTREAM_DEADLINE(fault)
    : upstreamErrors.UPSTREAM_CANCELLED(fault);
}

/** Why a call must not even start: unwritable, given up already, or out of time; else `null`. */
export function checkCall(call: UpstreamCall, now: number): GatewayError | null {
  const refusal = refuseCall(call);
  if (refusal !== null) {
    const fault = { origin: describeOrigin(call.origin), sent: false, reason: refusal };
    return upstreamErrors.UPSTREAM_BAD_CALL(fault);
  }
  return checkMoment(call, now);
}

/** Why a writable call must not start any more: given up already, or out of time; else `null`. */
export function checkMoment(call: UpstreamCall, now: number): GatewayError | null {
  const reason = call.cancel === null ? null : call.cancel.reason;
  if (reason !== null) return cancelError(call, reason, false);
  if (now >= call.deadlineAt) return cancelError(call, "deadline", false);
  return null;
}
