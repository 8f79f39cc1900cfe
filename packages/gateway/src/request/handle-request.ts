import {
  type ClientRequest,
  type GatewayReply,
  isLater,
  LaterResult,
  messageReply,
  type PhaseResult,
  RequestContext,
  type RequestTarget,
  type ResultReceiver,
  runPhase,
  statusReply,
} from "@catena/pipeline";
import { readForVariables } from "@catena/plugins";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import { asksForWebSocket, type WebSocketRelay } from "../websocket/relay.ts";
import { errorReply } from "./error-reply.ts";
import { type Forwarder, type ForwardReceiver, startForward } from "./forward.ts";
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

/** Takes the one answer of a request, at once or later. */
export interface AnswerSink<Answer> {
  answer(answer: Answer): void;
}

/** Answers a request whose target was read, once. */
export type HandleRequest<Answer> = (
  request: ClientRequest,
  target: RequestTarget,
  sink: AnswerSink<Answer>,
) => void;

/** What the request phases end with, or will. */
type Pending = PhaseResult | PromiseLike<PhaseResult>;

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
  return (request, target, sink) => {
    const ctx = new RequestContext(request, options.scheme, target, performance.now());
    new Exchange(ctx, options, toAnswer, sink).begin();
  };
}

/**
 * One request and its answer. It goes on by itself when something waited for is there: a promise, with
 * its functions and its turn of the event loop, is made only where a plugin gives one.
 */
class Exchange<Answer> implements ForwardReceiver, ResultReceiver {
  readonly #ctx: RequestContext;
  readonly #options: HandlerOptions;
  readonly #toAnswer: (reply: GatewayReply) => Answer;
  readonly #sink: AnswerSink<Answer>;
  /** While a handler is waited for. */
  #plan: RoutePlan | null = null;

  constructor(
    ctx: RequestContext,
    options: HandlerOptions,
    toAnswer: (reply: GatewayReply) => Answer,
    sink: AnswerSink<Answer>,
  ) {
    this.#ctx = ctx;
    this.#options = options;
    this.#toAnswer = toAnswer;
    this.#sink = sink;
  }

  begin(): void {
    const plan = this.#options.matcher.match(this.#ctx);
    if (this.#ctx.bodyWanted) void this.#matchByBody();
    else this.#run(plan);
  }

  /** Which route it is depends on the body: that is read, and the routes are asked again. */
  async #matchByBody(): Promise<void> {
    const ctx = this.#ctx;
    const { inFlight, matcher, log } = this.#options;
    inFlight.add(ctx);
    let plan: RoutePlan | null;
    try {
      await readForVariables(ctx);
      ctx.forgetRoute();
      plan = matcher.match(ctx);
    } catch (error) {
      this.#leave();
      this.#sink.answer(this.#toAnswer(errorReply(error, ctx, log)));
      return;
    }
    this.#run(plan);
  }

  #run(plan: RoutePlan | null): void {
    const ctx = this.#ctx;
    if (plan === null) {
      this.#leave();
      this.#sink.answer(this.#toAnswer(unmatched(this.#options.matcher.loaded)));
      return;
    }
    ctx.handlers = plan.handlers;
    let ended: Pending;
    try {
      ended =
        plan.unavailable === null ? runRequestPhases(plan, ctx) : statusReply(plan.unavailable);
    } catch (error) {
      ended = errorReply(error, ctx, this.#options.log);
    }
    if (!isLater(ended)) this.#goOn(plan, ended);
    else if (ended instanceof LaterResult) {
      this.#options.inFlight.add(ctx);
      this.#plan = plan;
      ended.take(this);
    } else void this.#runLater(plan, ended);
  }

  async #runLater(plan: RoutePlan, pending: PromiseLike<PhaseResult>): Promise<void> {
    const ctx = this.#ctx;
    this.#options.inFlight.add(ctx);
    let ended: PhaseResult;
    try {
      ended = await pending;
    } catch (error) {
      ended = errorReply(error, ctx, this.#options.log);
    }
    this.#goOn(plan, ended);
  }

  phaseEnded(result: PhaseResult): void {
    if (this.#plan !== null) this.#goOn(this.#plan, result);
  }

  /** The request phases are over. */
  #goOn(plan: RoutePlan, ended: PhaseResult): void {
    if (ended !== undefined) this.replied(ended);
    else if (plan.isUnmatched) this.replied(unmatched(true));
    else this.#forward(plan);
  }

  #forward(plan: RoutePlan): void {
    const ctx = this.#ctx;
    const { inFlight, forwarder } = this.#options;
    inFlight.add(ctx);
    try {
      if (ctx.sending !== null || (plan.webSocket && asksForWebSocket(ctx)))
        void this.#forwardOtherwise(plan);
      else startForward(ctx, plan, forwarder, this);
    } catch (error) {
      this.failed(error);
    }
  }

  async #forwardOtherwise(plan: RoutePlan): Promise<void> {
    const ctx = this.#ctx;
    const { webSockets, forwarder } = this.#options;
    let reply: GatewayReply;
    try {
      reply =
        ctx.sending === null
          ? await webSockets.forward(ctx, plan, forwarder)
          : await forwardAsDecided(ctx, plan, ctx.sending, this.#options);
    } catch (error) {
      this.failed(error);
      return;
    }
    this.replied(reply);
  }

  failed(error: unknown): void {
    this.replied(errorReply(error, this.#ctx, this.#options.log));
  }

  /** The response phases; they run for every reply, whoever made it. */
  replied(produced: GatewayReply): void {
    const ctx = this.#ctx;
    this.#leave();
    const { headerFilter, bodyFilter, log } = ctx.handlers;
    let reply = produced;
    let answer: Answer;
    try {
      ctx.beginReply(reply);
      for (let i = 0; i < headerFilter.length; i++) headerFilter[i]?.(ctx, reply);
      for (let i = 0; i < bodyFilter.length; i++) bodyFilter[i]?.(ctx, reply);
      answer = this.#toAnswer(reply);
    } catch (error) {
      discard(reply);
      reply = errorReply(error, ctx, this.#options.log);
      ctx.reply = reply;
      answer = this.#toAnswer(reply);
    }
    for (let i = 0; i < log.length; i++) {
      try {
        log[i]?.(ctx, reply);
      } catch (error) {
        // The reply stands, and so do the others: a log that fails must not keep it from its client.
        errorReply(error, ctx, this.#options.log);
      }
    }
    this.#sink.answer(answer);
  }

  /** The request no longer waits for anything. */
  #leave(): void {
    const ctx = this.#ctx;
    this.#options.inFlight.delete(ctx);
    if (ctx.isWatched) ctx.request.unwatch();
  }
}

/** Nobody gets the reply: an upstream that still sends its body would keep its connection for good. */
function discard(reply: GatewayReply): void {
  const pieces = reply.untouchedPieces?.() ?? null;
  if (pieces !== null) {
    pieces.cancel();
    return;
  }
  const { body } = reply;
  if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
}

/** The request phases in order, until one ends the request; synchronous as long as its handlers are. */
function runRequestPhases(plan: RoutePlan, ctx: RequestContext): Pending {
  const ended = runPhase(plan.handlers.rewrite, ctx);
  if (isLater(ended)) return identifyLater(plan, ctx, ended);
  return ended ?? runIdentified(plan, ctx);
}
/** Rewrite is over, so it is known who asks: the consumer's own plugins join in. */
function runIdentified(plan: RoutePlan, ctx: RequestContext): Pending {
  const merged = ctx.consumer === null ? null : plan.forConsumer(ctx.consumer);
  if (merged === null) return runAfterRewrite(ctx);
  if (merged.unavailable) return statusReply(503);
  ctx.handlers = merged.handlers;
  const ended = runPhase(merged.rewrite, ctx);
  if (isLater(ended)) return runAfterRewriteLater(ctx, ended);
  return ended ?? runAfterRewrite(ctx);
}

function runAfterRewrite(ctx: RequestContext): Pending {
  const { access, beforeProxy } = ctx.handlers;
  const ended = runPhase(access, ctx);
  if (beforeProxy.length === 0) return ended;
  if (isLater(ended)) return runBeforeProxyLater(ctx, ended);
  return ended ?? runPhase(beforeProxy, ctx);
}

// Those that wait are functions of their own: one that holds a closure makes a scope for it at every
// call, also when the closure is not reached.

async function identifyLater(
  plan: RoutePlan,
  ctx: RequestContext,
  ended: PromiseLike<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runIdentified(plan, ctx));
}

async function runAfterRewriteLater(
  ctx: RequestContext,
  ended: PromiseLike<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runAfterRewrite(ctx));
}

async function runBeforeProxyLater(
  ctx: RequestContext,
  ended: PromiseLike<PhaseResult>,
): Promise<PhaseResult> {
  return (await ended) ?? (await runPhase(ctx.handlers.beforeProxy, ctx));
}

function unmatched(loaded: boolean): GatewayReply {
  return loaded
    ? messageReply(404, { error_msg: "404 Route Not Found" })
    : messageReply(503, { error_msg: "no configuration" });
}
