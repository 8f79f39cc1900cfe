import type { WebSocketHandlers } from "@catena/server";
import type { WebSocketHandler } from "bun";
import type { WebSocketSession } from "./session.ts";

/**
 * The handlers for a server of the runtime's. No extension is negotiated, and no timer of the runtime's
 * counts: a route's timeouts do.
 */
export function runtimeHandlers(
  handlers: WebSocketHandlers<WebSocketSession>,
): WebSocketHandler<WebSocketSession> {
  return {
    ...handlers,
    idleTimeout: 0,
    sendPings: false,
    // The upstream is made to wait long before.
    backpressureLimit: 0,
    perMessageDeflate: false,
  };
}
