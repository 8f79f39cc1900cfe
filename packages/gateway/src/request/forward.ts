import { isGatewayError } from "@catena/errors";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import {
  type CallBody,
  type OutgoingRequest,
  requestHeaders,
  responseHeaders,
  sendToUpstream,
  type Transport,
  type UpstreamPlan,
} from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";

export interface Forwarder {
  readonly transport: Transport;
  /** Port of the data plane, for `X-Forwarded-Port` when the Host has none. */
  serverPort: number;
  readonly log: Log;
}

/** Bodies up to here are read whole and sent in one write; longer ones are streamed. */
const bufferedBytes = 64 * 1024;

/** RFC 9110 §9.2.2; nginx's `non_idempotent` names the others: POST, LOCK, PATCH. */
const notIdempotent = new Set(["POST", "PATCH", "LOCK"]);

/**
 * Sends the request on to the route's upstream and takes its reply. Failures become nginx's pages
 * with APISIX's `X-APISIX-Upstream-Status`: the statuses of all tries, only when the last is 5xx.
 */
export function forward(
  ctx: RequestContext,
  plan: RoutePlan,
  forwarder: Forwarder,
): GatewayReply | Promise<GatewayReply> {
  const { upstream } = plan;
  if (upstream === null) return statusReply(503);
  const body = ctx.upstreamBody === undefined ? clientBody(ctx) : ctx.upstreamBody;
  return body instanceof Promise
    ? body.then((read) => send(ctx, plan, upstream, read, forwarder))
    : send(ctx, plan, upstream, body, forwarder);
}

async function send(
  ctx: RequestContext,
  plan: RoutePlan,
  upstream: UpstreamPlan,
  body: CallBody,
  forwarder: Forwarder,
): Promise<GatewayReply> {
  let headers = requestHeaders(ctx.clientHeaders(), {
    clientAddress: ctx.clientAddress,
    scheme: ctx.scheme,
    rawHost: ctx.rawHost,
    serverPort: forwarder.serverPort,
  });
  if (ctx.headerEdits !== null) headers = ctx.headerEdits.apply(headers);
  const outgoing: OutgoingRequest = {
    method: ctx.upstreamMethod,
    target: ctx.upstreamTarget,
    headers,
    clientHost: ctx.upstreamHost ?? ctx.rawHost,
    body,
    timeouts: plan.timeouts,
    deadlineAt: ctx.deadlineAt,
    maxBodyBytes: Number.POSITIVE_INFINITY,
    buffered: false,
    cancel: ctx.cancel,
    idempotent: !notIdempotent.has(ctx.upstreamMethod),
    hashKey: upstream.hashKey?.(ctx) ?? "",
    failures: null,
  };
  try {
    const reply = await sendToUpstream(upstream, outgoing, forwarder.transport);
    const { status } = reply;
    const replied: GatewayReply = {
      status,
      headers: responseHeaders(reply.headers),
      body: reply.body,
      source: "upstream",
    };
    if (status >= 500) noteStatuses(replied, outgoing, status);
    return replied;
  } catch (error) {
    if (!isGatewayError(error) || error.source !== "upstream") throw error;
    forwarder.log.warn("upstream failed", {
      route: ctx.routeId,
      request: ctx.id,
      code: error.code,
      reason: error.message,
    });
    const replied = statusReply(error.status);
    // The only node's failure is the error itself; nothing was tried when there is no node.
    if (upstream.direct !== null) outgoing.failures ??= [error.status];
    if (outgoing.failures !== null) noteStatuses(replied, outgoing, null);
    return replied;
  }
}

function noteStatuses(reply: GatewayReply, outgoing: OutgoingRequest, last: number | null): void {
  const statuses = [...(outgoing.failures ?? []), ...(last === null ? [] : [last])];
  reply.headers.push("x-apisix-upstream-status", statuses.join(", "));
}

/** The client's body for the upstream: bytes when short or read already, else the stream. */
function clientBody(ctx: RequestContext): CallBody | Promise<CallBody> {
  if (!ctx.hasBody) return null;
  if (ctx.bodyRead) return ctx.bodyBytes(Number.POSITIVE_INFINITY);
  const declared = ctx.header("content-length");
  if (declared !== null && Number(declared) <= bufferedBytes) return ctx.bodyBytes(bufferedBytes);
  return ctx.request.body;
}
