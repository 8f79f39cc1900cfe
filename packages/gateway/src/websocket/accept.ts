import type { WebSocketUpgrader } from "@catena/server";
import type { WebSocketHandler } from "bun";
import type { WebSocketSession } from "./session.ts";

/** Switches connections of our own server over to WebSockets. */
export function acceptWebSockets(_handlers: WebSocketHandler<WebSocketSession>): WebSocketUpgrader {
  return { upgrade: () => null };
}
