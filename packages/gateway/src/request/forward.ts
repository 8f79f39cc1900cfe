import { isGatewayError } from "@catena/errors";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import {
  type CallBody,
  type CallTimeouts,
  type CancelScope,
  type ForwardedFor,
  type OutgoingRequest,
  type ReplyReceiver,
  requestHeaders,
  requestLines,
  startAtUpstream,
  type Transport,
  type UpstreamPlan,
  type UpstreamReply,
} from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import { statusOf } from "./error-reply.ts";
import type { ForwardedTrust } from "./peer-trust.ts";
import { UpstreamGatewayReply } from "./upstream-reply.ts";

export interface Forwarder {
  readonly transport: Transport;
  /** Port of the data plane, for `X-Forwarded-Port` when the Host has none. */
  serverPort: number;
  /** Mends the forwarded headers by who the peer is; `null` where no peer is known. */
  readonly trust: ForwardedTrust | null;
  readonly log: Log;
}

/** Takes the outcome of forwarding; must not throw. */
export interface ForwardReceiver {
  replied(reply: GatewayReply): void;
  failed(error: unknown): void;
}

/** Bodies up to here are read whole and sent in one write; longer ones are streamed. */
const bufferedBytes = 64 * 1024;

/** RFC 9110 §9.2.2; nginx's `non_idempotent` names the others: POST, LOCK, PATCH. */
const notIdempotent = new Set(["POST", "PATCH", "LOCK"]);

/**
 * Sends the request on to the route's upstream and takes its reply. Failures become nginx's pages
 * with APISIX's `X-APISIX-Upstream-Status`: the statuses of all tries, only when the last is 5xx.
 */
export function startForward(
  ctx: RequestContext,
  plan: RoutePlan,
  forwarder: Forwarder,
  receiver: ForwardReceiver,
): void {
  const { upstream } = plan;
  if (upstream === null) {
    receiver.replied(statusReply(503));
    return;
  }
  const body = ctx.upstreamBody === undefined ? clientBody(ctx) : ctx.upstreamBody;
  if (body instanceof Promise) sendLater(ctx, plan, upstream, body, forwarder, receiver);
  else send(ctx, plan, upstream, body, forwarder, receiver);
}

/** As {@link startForward}, for those that wait for the reply. */
export function forward(
  ctx: RequestContext,
  plan: RoutePlan,
  forwarder: Forwarder,
): Promise<GatewayReply> {
  return new Promise((replied, failed) => {
    startForward(ctx, plan, forwarder, { replied, failed });
  });
}

function sendLater(
  ctx: RequestContext,
  plan: RoutePlan,
  upstream: UpstreamPlan,
  body: Promise<CallBody>,
  forwarder: Forwarder,
  receiver: ForwardReceiver,
): void {
  body.then(
    (read) => send(ctx, plan, upstream, read, forwarder, receiver),
    (error: unknown) => receiver.failed(error),
  );
}

function send(
  ctx: RequestContext,
  plan: RoutePlan,
  upstream: UpstreamPlan,
  body: CallBody,
  forwarder: Forwarder,
  receiver: ForwardReceiver,
): void {
  const outgoing = new ClientOutgoing(ctx, plan, body, forwarder);
  outgoing.hashKey = upstream.hashKey?.(ctx) ?? "";
  const taker = new ReplyTaker(ctx, upstream, outgoing, forwarder.log, receiver);
  startAtUpstream(upstream, outgoing, forwarder.transport, taker);
}

/** The client's request as it is sent on. */
class ClientOutgoing implements OutgoingRequest {
  readonly method: string;
  readonly target: string;
  readonly lines: string | null;
  readonly clientHost: string;
  readonly body: CallBody;
  readonly timeouts: CallTimeouts | null;
  readonly deadlineAt: number;
  readonly maxBodyBytes = Number.POSITIVE_INFINITY;
  readonly buffered = false;
  readonly cancel: CancelScope;
  readonly idempotent: boolean;
  hashKey = "";
  failures: number[] | null = null;
  readonly #ctx: RequestContext;
  readonly #forwarder: Forwarder;
  #headers: string[] | null = null;

  constructor(ctx: RequestContext, { timeouts }: RoutePlan, body: CallBody, forwarder: Forwarder) {
    this.method = ctx.upstreamMethod;
    this.target = ctx.upstreamTarget;
    this.clientHost = ctx.upstreamHost ?? ctx.rawHost;
    this.body = body;
    this.timeouts = timeouts;
    this.deadlineAt = ctx.deadlineAt;
    this.cancel = ctx.cancel;
    this.idempotent = !notIdempotent.has(ctx.upstreamMethod);
    this.#ctx = ctx;
    this.#forwarder = forwarder;
    this.lines = linesOf(ctx, forwarder);
  }

  get headers(): string[] {
    this.#headers ??= listHeaders(this.#ctx, this.#forwarder);
    return this.#headers;
  }
}

/** What the client sent, as it sent it, where nobody has changed anything of it but added to it. */
function linesOf(ctx: RequestContext, forwarder: Forwarder): string | null {
  const { lines } = ctx.request;
  const isUntouched =
    forwarder.trust === null &&
    ctx.upstreamTarget === ctx.rawTarget &&
    ctx.upstreamMethod === ctx.method &&
    ctx.upstreamHost === null;
  if (lines === null || !isUntouched) return null;
  const added = ctx.headerEdits === null ? "" : ctx.headerEdits.linesBehind(lines.headers);
  const kept = added === null ? null : requestLines(lines, aboutClient(ctx, forwarder));
  return kept === null ? null : kept + added;
}

function listHeaders(ctx: RequestContext, forwarder: Forwarder): string[] {
  const headers = requestHeaders(ctx.clientHeaders(), aboutClient(ctx, forwarder));
  if (forwarder.trust !== null) forwarder.trust(ctx, headers);
  ctx.headerEdits?.applyTo(headers);
  return headers;
}

function aboutClient(ctx: RequestContext, { serverPort }: Forwarder): ForwardedFor {
  const { clientAddress, scheme, rawHost } = ctx;
  return { clientAddress, scheme, rawHost, serverPort };
}

/** Makes the client's reply of what the upstream gave. */
class ReplyTaker implements ReplyReceiver {
  readonly #ctx: RequestContext;
  readonly #upstream: UpstreamPlan;
  readonly #outgoing: OutgoingRequest;
  readonly #log: Log;
  readonly #receiver: ForwardReceiver;

  constructor(
    ctx: RequestContext,
    upstream: UpstreamPlan,
    outgoing: OutgoingRequest,
    log: Log,
    receiver: ForwardReceiver,
  ) {
    this.#ctx = ctx;
    this.#upstream = upstream;
    this.#outgoing = outgoing;
    this.#log = log;
    this.#receiver = receiver;
  }

  resolve(reply: UpstreamReply): void {
    const { status } = reply;
    const replied = new UpstreamGatewayReply(reply);
    if (status >= 500) noteStatuses(replied, this.#outgoing, status);
    this.#receiver.replied(replied);
  }

  reject(error: unknown): void {
    if (!isGatewayError(error) || error.source !== "upstream") {
      this.#receiver.failed(error);
      return;
    }
    this.#log.warn("upstream failed", {
      route: this.#ctx.routeId,
      request: this.#ctx.id,
      code: error.code,
      reason: error.message,
    });
    const outgoing = this.#outgoing;
    const replied = statusReply(statusOf(error, this.#ctx));
    // The only node's failure is the error itself; nothing was tried when there is no node.
    if (this.#upstream.direct !== null) outgoing.failures ??= [error.status];
    if (outgoing.failures !== null) noteStatuses(replied, outgoing, null);
    this.#receiver.replied(replied);
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
  const whole = ctx.request.wholeBody();
  if (whole !== null) return whole;
  const declared = ctx.header("content-length");
  if (declared !== null && Number(declared) <= bufferedBytes) return ctx.bodyBytes(bufferedBytes);
  return ctx.request.body;
}
