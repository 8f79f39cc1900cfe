import { isGatewayError } from "@catena/errors";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import {
  type CallBody,
  type OutgoingRequest,
  type ReplyReceiver,
  requestHeaders,
  responseHeaders,
  startAtUpstream,
  type Transport,
  type UpstreamPlan,
  type UpstreamReply,
} from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import type { ForwardedTrust } from "./peer-trust.ts";

export interface Forwarder {
  readonly transport: Transport;
  /** Port of the data plane, for `X-Forwarded-Port` when the Host has none. */
  serverPort: number;
  /** Mends the forwarded headers by who the peer is; `null` where no peer is known. */
  readonly trust: ForwardedTrust | null;
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
    ? sendLater(ctx, plan, upstream, body, forwarder)
    : send(ctx, plan, upstream, body, forwarder);
}

async function sendLater(
  ctx: RequestContext,
  plan: RoutePlan,
  upstream: UpstreamPlan,
  body: Promise<CallBody>,
  forwarder: Forwarder,
): Promise<GatewayReply> {
  return send(ctx, plan, upstream, await body, forwarder);
}

function send(
  ctx: RequestContext,
  plan: RoutePlan,
  upstream: UpstreamPlan,
  body: CallBody,
  forwarder: Forwarder,
): Promise<GatewayReply> {
  const headers = requestHeaders(ctx.clientHeaders(), {
    clientAddress: ctx.clientAddress,
    scheme: ctx.scheme,
    rawHost: ctx.rawHost,
    serverPort: forwarder.serverPort,
  });
  if (forwarder.trust !== null) forwarder.trust(ctx, headers);
  ctx.headerEdits?.applyTo(headers);
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
  const pending = Promise.withResolvers<GatewayReply>();
  const receiver = new ReplyTaker(ctx, upstream, outgoing, forwarder.log, pending);
  startAtUpstream(upstream, outgoing, forwarder.transport, receiver);
  return pending.promise;
}

/** Makes the client's reply of what the upstream gave. */
class ReplyTaker implements ReplyReceiver {
  readonly #ctx: RequestContext;
  readonly #upstream: UpstreamPlan;
  readonly #outgoing: OutgoingRequest;
  readonly #log: Log;
  readonly #pending: PromiseWithResolvers<GatewayReply>;

  constructor(
    ctx: RequestContext,
    upstream: UpstreamPlan,
    outgoing: OutgoingRequest,
    log: Log,
    pending: PromiseWithResolvers<GatewayReply>,
  ) {
    this.#ctx = ctx;
    this.#upstream = upstream;
    this.#outgoing = outgoing;
    this.#log = log;
    this.#pending = pending;
  }

  resolve(reply: UpstreamReply): void {
    const { status } = reply;
    const replied: GatewayReply = {
      status,
      headers: responseHeaders(reply.headers),
      body: reply.body,
      source: "upstream",
    };
    if (status >= 500) noteStatuses(replied, this.#outgoing, status);
    this.#pending.resolve(replied);
  }

  reject(error: unknown): void {
    if (!isGatewayError(error) || error.source !== "upstream") {
      this.#pending.reject(error);
      return;
    }
    this.#log.warn("upstream failed", {
      route: this.#ctx.routeId,
      request: this.#ctx.id,
      code: error.code,
      reason: error.message,
    });
    const outgoing = this.#outgoing;
    const replied = statusReply(error.status);
    // The only node's failure is the error itself; nothing was tried when there is no node.
    if (this.#upstream.direct !== null) outgoing.failures ??= [error.status];
    if (outgoing.failures !== null) noteStatuses(replied, outgoing, null);
    this.#pending.resolve(replied);
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
