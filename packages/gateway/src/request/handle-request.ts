import {
  type ClientRequest,
  type GatewayReply,
  messageReply,
  type PhaseResult,
  RequestContext,
  type RequestTarget,
  runPhase,
  statusReply,
} from "@catena/pipeline";
import { readForVariables } from "@catena/plugins";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import { asksForWebSocket, type WebSocketRelay } from "../websocket/relay.ts";
import { errorReply } from "./error-reply.ts";
import { type Forwarder, forward } from "./forward.ts";
import { forwardAsDecided } from "./forward-as-decided.ts";
import type { InFlight } from "./in-flight.ts";

/** Finds the plan of a request in the configuration of this moment. */
export interface RouteMatcher {
  match(ctx: RequestContext): RoutePlan | null;
  /** Whether any configuration was loaded: before that nothing can be said to be missing. */
  readonly loaded: boolean;
}

export interface HandlerOptions {
  readonly matcher: RouteMatcher;
  readonly forwarder: Forwarder;
  readonly webSockets: WebSocketRelay;
  readonly inFlight: InFlight;
  readonly scheme: "http" | "https";
  readonly log: Log;
}

type Pending<T> = T | Promise<T>;

/** Answers a request whose target was read; never rejects. */
export type HandleRequest<Answer> = (
  request: ClientRequest,
  target: RequestTarget,
) => Pending<Answer>;

/**
 * The path of every request, in the order things happen: match, run the request phases, forward, run
 * the response phases, answer. What a route does was decided when its plan was compiled; here nothing
 * is looked up by name and no configuration is read.
 *
 * @param toAnswer makes of a reply what the listener sends. It may throw for a reply that can't be sent;
 *   not for one of `statusReply`.
 */
export function createRequestHandler<Answer>(
  options: HandlerOptions,
  toAnswer: (reply: GatewayReply) => Answer,
): HandleRequest<Answer> {
  const { matcher, inFlight } = options;

  return function handle(request: ClientRequest, target: RequestTarget): Pending<Answer> {
    const ctx = new RequestContext(request, options.scheme, target, performance.now());
    const plan = matcher.match(ctx);
    return ctx.bodyWanted ? matchByBody(ctx) : answerMatched(ctx, plan);
  };

  function answerMatched(ctx: RequestContext, plan: RoutePlan | null) {
    if (plan === null) return toAnswer(unmatched(matcher.loaded));
    ctx.handlers = plan.handlers;
    return answer(ctx, plan);
  }

  /** Which route it is depends on the body: that is read, and the routes are asked again. */
  async function matchByBody(ctx: RequestContext): Promise<Answer> {
    inFlight.add(ctx);
    try {
      await readForVariables(ctx);
    } catch (error) {
      return toAnswer(errorReply(error, ctx, options.log));
    } finally {
      inFlight.delete(ctx);
    }
    ctx.forgetRoute();
    return answerMatched(ctx, matcher.match(ctx));
  }

  /** Answers at once where no handler waits: a promise costs a turn of the event loop. */
  function answer(ctx: RequestContext, plan: RoutePlan): Pending<Answer> {
    let ended: Pending<PhaseResult>;
    try {
      ended = plan.unavailable === null ? begin(plan, ctx) : statusReply(plan.unavailable);
    } catch (error) {
      ended = errorReply(error, ctx, options.log);
    }
    if (ended instanceof Promise) return answerLater(ctx, plan, ended);
    if (ended !== undefined) return conclude(ctx, ended);
    if (plan.isUnmatched) return conclude(ctx, unmatched(true));
    return answerLater(ctx, plan, null);
  }

  /** The rest of a request that waits for something, in one function: each more is a promise more. */
  async function answerLater(
    ctx: RequestContext,
    plan: RoutePlan,
    ended: Promise<PhaseResult> | null,
  ): Promise<Answer> {
    inFlight.add(ctx);
    let reply: GatewayReply;
    try {
      const early = ended === null ? undefined : await ended;
      if (early !== undefined) reply = early;
      else if (plan.isUnmatched) reply = unmatched(true);
      else if (ctx.sending !== null)
        reply = await forwardAsDecided(ctx, plan, ctx.sending, options);
      else if (plan.webSocket && asksForWebSocket(ctx))
        reply = await options.webSockets.forward(ctx, plan, options.forwarder);
      else reply = await forward(ctx, plan, options.forwarder);
    } catch (error) {
      reply = errorReply(error, ctx, options.log);
    }
    inFlight.delete(ctx);
    if (ctx.isWatched) ctx.request.unwatch();
    return conclude(ctx, reply);
  }

  /** The response phases; they run for every reply, whoever made it. */
  function conclude(ctx: RequestContext, produced: GatewayReply): Answer {
    const { headerFilter, bodyFilter, log } = ctx.handlers;
    let reply = produced;
    let answered: Answer;
    try {
      ctx.beginReply(reply);
      for (const handler of headerFilter) handler(ctx, reply);
      for (const handler of bodyFilter) handler(ctx, reply);
      answered = toAnswer(reply);
    } catch (error) {
      reply = errorReply(error, ctx, options.log);
      answered = toAnswer(reply);
    }
    for (const handler of log) handler(ctx, reply);
    return answered;
  }
}

/** The request phases in order, until one ends the request; synchronous as long as its handlers are. */
function begin(plan: RoutePlan, ctx: RequestContext): Pending<PhaseResult> {
  const ended = runPhase(plan.handlers.rewrite, ctx);
  if (ended instanceof Promise) return identifyLater(plan, ctx, ended);
  return ended ?? runIdentified(plan, ctx);
}

/** Rewrite is over, so it is known who asks: the consumer's own plugins join in. */
function runIdentified(plan: RoutePlan, ctx: RequestContext): Pending<PhaseResult> {
  const merged = ctx.consumer === null ? null : plan.forConsumer(ctx.consumer);
  if (merged === null) return runAfterRewrite(ctx);
  if (merged.unavailable) return statusReply(503);
  ctx.handlers = merged.handlers;
  const ended = runPhase(merged.rewrite, ctx);
  if (ended instanceof Promise) return runAfterRewriteLater(ctx, ended);
  return ended ?? runAfterRewrite(ctx);
}

function runAfterRewrite(ctx: RequestContext): Pending<PhaseResult> {
  const { access, beforeProxy } = ctx.handlers;
  const ended = runPhase(access, ctx);
  if (beforeProxy.length === 0) return ended;
  if (ended instanceof Promise) return runBeforeProxyLater(ctx, ended);
  return ended ?? runPhase(beforeProxy, ctx);
}

// Those that wait are functions of their own: one that holds a closure makes a scope for it at every
// call, also when the closure is not reached.

async function identifyLater(
  plan: RoutePlan,
  ctx: RequestContext,
  ended: Promise<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runIdentified(plan, ctx));
}

async function runAfterRewriteLater(
  ctx: RequestContext,
  ended: Promise<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runAfterRewrite(ctx));
}

async function runBeforeProxyLater(
  ctx: RequestContext,
  ended: Promise<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runPhase(ctx.handlers.beforeProxy, ctx));
}

function unmatched(loaded: boolean): GatewayReply {
  return loaded
    ? messageReply(404, { error_msg: "404 Route Not Found" })
    : messageReply(503, { error_msg: "no configuration" });
}
