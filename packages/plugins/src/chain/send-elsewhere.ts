import { isGatewayError } from "@catena/errors";
import {
  type CallTarget,
  type GatewayReply,
  type PluginLog,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import { requestHeaders, responseHeaders } from "@catena/upstream";

/** RFC 9110 §9.2.2; nginx's `non_idempotent` names the others: POST, LOCK, PATCH. */
const NOT_IDEMPOTENT = new Set(["POST", "PATCH", "LOCK"]);

/** Sends the request to another upstream than the route's, as the route's would get it. */
export async function sendElsewhere(
  ctx: RequestContext,
  target: CallTarget | null,
  log: PluginLog,
): Promise<GatewayReply> {
  if (target === null) return statusReply(503);
  const { clientAddress, scheme, rawHost, serverPort } = ctx;
  const about = { clientAddress, scheme, rawHost, serverPort };
  // The first pair is Host, which the target writes.
  const headers = requestHeaders(ctx.clientHeaders(), about).slice(2);
  try {
    const reply = await target.send({
      method: ctx.upstreamMethod,
      target: ctx.upstreamTarget,
      headers: ctx.headerEdits === null ? headers : ctx.headerEdits.apply(headers),
      body: ctx.upstreamBody ?? null,
      timeoutMs: Number.POSITIVE_INFINITY,
      deadlineAt: ctx.deadlineAt,
      maxBodyBytes: Number.POSITIVE_INFINITY,
      buffered: false,
      idempotent: !NOT_IDEMPOTENT.has(ctx.upstreamMethod),
      cancel: ctx.cancel,
      caller: ctx,
    });
    const { status, body } = reply;
    return { status, headers: responseHeaders(reply.headers), body, source: "upstream" };
  } catch (error) {
    if (!isGatewayError(error) || error.source !== "upstream") throw error;
    const { code, message } = error;
    log.warn("upstream failed", { route: ctx.routeId, request: ctx.id, code, reason: message });
    return statusReply(error.status);
  }
}
