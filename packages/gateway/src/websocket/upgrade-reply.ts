import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import type { CallBody, UpstreamWebSocket } from "@catena/upstream";
import type { WebSocketSession } from "./session.ts";

/** The reply to a handshake that the upstream agreed to; response phases may add headers to it. */
export class UpgradeReply implements GatewayReply {
  status = 101;
  headers: string[];
  body: CallBody = null;
  readonly source = "upstream";
  readonly #ctx: RequestContext;
  readonly #upstream: UpstreamWebSocket;
  readonly #makeSession: (reply: GatewayReply) => WebSocketSession;

  constructor(
    ctx: RequestContext,
    headers: readonly string[],
    upstream: UpstreamWebSocket,
    makeSession: (reply: GatewayReply) => WebSocketSession,
  ) {
    this.headers = [...headers];
    this.#ctx = ctx;
    this.#upstream = upstream;
    this.#makeSession = makeSession;
  }

  /**
   * Switches the client's connection over.
   *
   * @param headers for the client; the listener adds those of the handshake.
   * @returns `null` after the switch. A handshake that the upstream took and we do not (RFC 6455 §4.2.1)
   *   gets 426 for another version, else 400.
   */
  accept(headers: Headers): GatewayReply | null {
    if (this.#ctx.request.header("sec-websocket-version") !== "13") {
      this.#upstream.terminate();
      return otherVersion;
    }
    // Without one of the upstream's the runtime would agree to the first that the client offers.
    if (!headers.has("sec-websocket-protocol")) headers.set("sec-websocket-protocol", "");
    if (this.#ctx.request.upgrade(headers, this.#makeSession(this))) return null;
    this.#upstream.terminate();
    return statusReply(400);
  }
}

/** RFC 6455 §4.2.2 */
const otherVersion: GatewayReply = {
  ...statusReply(426),
  headers: ["sec-websocket-version", "13"],
};
