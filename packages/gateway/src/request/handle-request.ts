import {
  type GatewayReply,
  messageReply,
  RequestContext,
  runPhase,
  type ServerHandle,
  statusReply,
} from "@catena/pipeline";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import { errorReply } from "./error-reply.ts";
import { type Forwarder, forward } from "./forward.ts";
import { type InFlight, idleSeconds } from "./in-flight.ts";
import { parseTarget } from "./request-target.ts";
import { type ResponseOptions, toResponse } from "./to-response.ts";

/** Finds the plan of a request in the configuration of this moment. */
export interface RouteMatcher {
  match(ctx: RequestContext): RoutePlan | null;
  /** Whether any configuration was loaded: before that nothing can be said to be missing. */
  readonly loaded: boolean;
}

export interface HandlerOptions {
  readonly matcher: RouteMatcher;
  readonly forwarder: Forwarder;
  readonly inFlight: InFlight;
  readonly response: ResponseOptions;
  readonly scheme: "http" | "https";
  readonly log: Log;
}

/** RFC 9110 §9.3 and what APISIX routes may name; CONNECT and TRACE are never served. */
const methods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "PURGE",
  "QUERY",
]);

/**
 * The path of every request, in the order things happen: take the URL apart, match, run the request
 * phases, forward, run the response phases, answer. What a route does was decided when its plan was
 * compiled; here nothing is looked up by name and no configuration is read.
 */
export function createRequestHandler(options: HandlerOptions) {
  const { matcher, inFlight, response } = options;

  return function handle(request: Request, server: ServerHandle): Response | Promise<Response> {
    const startedAt = performance.now();
    const refusal = refuseEarly(request);
    if (refusal !== null) return toResponse(refusal, response);
    const target = parseTarget(request.url, request.headers.get("host"));
    if ("refused" in target) return toResponse(statusReply(target.status), response);
    const ctx = new RequestContext(request, server, options.scheme, target, startedAt);
    const plan = matcher.match(ctx);
    if (plan === null) return toResponse(unmatched(matcher.loaded), response);
    inFlight.add(ctx);
    return answer(ctx, plan);
  };

  async function answer(ctx: RequestContext, plan: RoutePlan): Promise<Response> {
    let reply: GatewayReply | null = null;
    try {
      reply = await produce(ctx, plan);
      ctx.beginReply(reply);
      for (const handler of plan.handlers.headerFilter) handler(ctx, reply);
      for (const handler of plan.handlers.bodyFilter) handler(ctx, reply);
      return toResponse(reply, response);
    } catch (error) {
      reply = errorReply(error, ctx, options.log);
      return toResponse(reply, response);
    } finally {
      inFlight.delete(ctx);
      // The timer sticks to the connection; the next request on it must not inherit a long one.
      if (inFlight.wasWatched(ctx)) ctx.server.timeout(ctx.request, idleSeconds);
      if (reply !== null) for (const handler of plan.handlers.log) handler(ctx, reply);
    }
  }

  async function produce(ctx: RequestContext, plan: RoutePlan): Promise<GatewayReply> {
    const { handlers } = plan;
    if (plan.unavailable !== null) return statusReply(plan.unavailable);
    if (handlers.rewrite.length > 0) {
      const reply = await runPhase(handlers.rewrite, ctx);
      if (reply !== undefined) return reply;
    }
    if (handlers.access.length > 0) {
      const reply = await runPhase(handlers.access, ctx);
      if (reply !== undefined) return reply;
    }
    if (handlers.beforeProxy.length > 0) {
      const reply = await runPhase(handlers.beforeProxy, ctx);
      if (reply !== undefined) return reply;
    }
    return forward(ctx, plan, options.forwarder);
  }
}

function refuseEarly(request: Request): GatewayReply | null {
  const { method, headers } = request;
  if (!methods.has(method)) return statusReply(405);
  // Bun hides the body of a GET or HEAD: passing the request on would drop data in silence.
  if ((method === "GET" || method === "HEAD") && hasBody(headers)) {
    return messageReply(400, { error_msg: `a ${method} request with a body is not forwarded` });
  }
  return null;
}

function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") : length !== "0";
}

function unmatched(loaded: boolean): GatewayReply {
  return loaded
    ? messageReply(404, { error_msg: "404 Route Not Found" })
    : messageReply(503, { error_msg: "no configuration" });
}
