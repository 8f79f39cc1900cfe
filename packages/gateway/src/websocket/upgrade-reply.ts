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
   * @param headers for the client; the runtime adds those of the handshake.
   * @returns what the handler is to give back, which is not sent after a switch. A handshake that the
   *   upstream took and the runtime does not (RFC 6455 §4.2.1: a bad key, another version) gets 400.
   */
  accept(headers: Headers): Response {
    // Without one of the upstream's the runtime would agree to the first that the client offers.
    if (!headers.has("sec-websocket-protocol")) headers.set("sec-websocket-protocol", "");
    const { request, server } = this.#ctx;
    if (server.upgrade?.(request, { headers, data: this.#makeSession(this) })) return switched;
    this.#upstream.terminate();
    const { status, body, headers: plain } = statusReply(400);
    return new Response(typeof body === "string" ? body : null, {
      status,
      headers: { "content-type": plain[1] ?? "" },
    });
  }
}

/** A handler has to give back something; after a switch the runtime drops it. */
const switched = new Response(null, { status: 204 });
