import { hasToken } from "@catena/http";
import type { GatewayReply, PhaseHandlers, RequestContext } from "@catena/pipeline";
import type { WebSocketHandlers } from "@catena/server";
import { createWebSocketDialer, type WebSocketDialer } from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import type { Log } from "../log.ts";
import { errorReply } from "../request/error-reply.ts";
import { type Forwarder, forward } from "../request/forward.ts";
import { goingAway, type SessionEnd, WebSocketSession } from "./session.ts";
import { UpgradeReply } from "./upgrade-reply.ts";

export interface WebSocketRelayOptions {
  /** Longest message of either side. */
  readonly maxMessageBytes: number;
  readonly log: Log;
}

/** Whether a request asks for a WebSocket (RFC 6455 §4.2.1); key and version are its upstream's to judge. */
export function asksForWebSocket(ctx: RequestContext): boolean {
  const { method, request } = ctx;
  if (method !== "GET" || ctx.upstreamBody !== undefined) return false;
  return (
    hasToken(request.header("upgrade") ?? "", "websocket") &&
    hasToken(request.header("connection") ?? "", "upgrade")
  );
}

/** Passes WebSockets between clients and upstreams; one per data plane. */
export class WebSocketRelay {
  readonly #options: WebSocketRelayOptions;
  readonly #dialer: WebSocketDialer = createWebSocketDialer();
  /** Open sessions, and the plugins' handlers that their log phase is to run. */
  readonly #sessions = new Map<WebSocketSession, PhaseHandlers>();
  #isStopping = false;

  constructor(options: WebSocketRelayOptions) {
    this.#options = options;
  }

  /** WebSockets that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The handlers that open sessions will run when they end. */
  handlersInUse(): Iterable<PhaseHandlers> {
    return this.#sessions.values();
  }

  /** What a listener is to do with the sockets that were switched over. */
  handlers(): WebSocketHandlers<WebSocketSession> {
    return {
      maxPayloadLength: this.#options.maxMessageBytes,
      open: (client) => client.data.opened(client),
      message: (client, message) => client.data.received(message),
      ping: (client, payload) => client.data.pinged(payload),
      pong: (client, payload) => client.data.ponged(payload),
      drain: (client) => client.data.drained(),
      close: (client, code, reason) => client.data.closed(code, reason),
      error: (error, client) => {
        this.#options.log.error("a websocket failed", {
          reason: error.message,
          stack: error.stack,
        });
        client.terminate();
      },
    };
  }

  /** Passes the handshake on, as {@link forward} does any other request. */
  async forward(ctx: RequestContext, plan: RoutePlan, forwarder: Forwarder): Promise<GatewayReply> {
    const { readMs: idleMs, sendMs } = plan.timeouts ?? plan.upstream?.timeouts ?? noTimeouts;
    const { maxMessageBytes } = this.#options;
    const log = new LogPhase(ctx, this.#options.log);
    const attempt = this.#dialer.attempt({ maxMessageBytes, idleMs, sendMs }, () => log.run());
    const reply = await forward(ctx, plan, { ...forwarder, transport: attempt });
    const { socket } = attempt;
    if (reply.status !== 101 || socket === null) return reply;
    const upgrade = new UpgradeReply(ctx, reply.headers, socket, () => {
      const session = new WebSocketSession(socket, {
        sendMs,
        onOpen: () => this.#begin(session, log.handlers),
        onEnd: (end) => {
          this.#sessions.delete(session);
          log.run();
          this.#note(ctx, end);
        },
      });
      return session;
    });
    log.defer(upgrade);
    return upgrade;
  }

  /** Ends every session, and those that are yet to open: the gateway stops. */
  closeAll(): void {
    this.#isStopping = true;
    for (const session of [...this.#sessions.keys()]) session.close(goingAway, "the gateway stops");
  }

  #begin(session: WebSocketSession, handlers: PhaseHandlers): void {
    this.#sessions.set(session, handlers);
    if (this.#isStopping) session.close(goingAway, "the gateway stops");
  }

  #note(ctx: RequestContext, { by, code, reason }: SessionEnd): void {
    if (by !== "gateway" || code === goingAway) return;
    this.#options.log.warn("a websocket was given up", {
      route: ctx.routeId,
      request: ctx.id,
      code,
      reason,
    });
  }
}

/** A plan without an upstream answers 503 before its times matter. */
const noTimeouts = { readMs: 0, sendMs: 0 };

/** The log phase of a handshake, put off until the WebSocket is closed: so APISIX logs it, and counts it. */
class LogPhase {
  readonly #ctx: RequestContext;
  readonly #log: Log;
  handlers: PhaseHandlers;
  #reply: GatewayReply | null = null;

  constructor(ctx: RequestContext, log: Log) {
    this.#ctx = ctx;
    this.#log = log;
    this.handlers = ctx.handlers;
  }

  defer(reply: GatewayReply): void {
    this.#reply = reply;
    this.handlers = this.#ctx.handlers;
    this.#ctx.handlers = { ...this.handlers, log: [] };
  }

  run(): void {
    const reply = this.#reply;
    this.#reply = null;
    if (reply === null) return;
    try {
      for (const handler of this.handlers.log) handler(this.#ctx, reply);
    } catch (error) {
      // Nobody waits for the outcome: without a catch the process would end.
      errorReply(error, this.#ctx, this.#log);
    }
  }
}
