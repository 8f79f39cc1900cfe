import type { TlsView } from "@catena/expr";
import type { ByteSocket, SocketListener } from "./byte-socket.ts";
import type { RenderedReply } from "./render-reply.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServerRequest } from "./server-request.ts";

/** Takes the one reply to a request; `null`: the connection was switched over. */
export interface ReplySink {
  answer(reply: RenderedReply | null): void;
}

/** Answers one request, at once or later; must not throw. */
export type AnswerRequest = (request: ServerRequest, sink: ReplySink) => void;

/** Switches connections over to WebSockets. */
export interface WebSocketUpgrader {
  /**
   * Answers the handshake.
   *
   * @returns who hears of the connection from now on; `null` when the handshake is not sound, and
   *   nothing was sent.
   */
  upgrade(
    request: ServerRequest,
    headers: Headers,
    data: object,
    socket: ByteSocket,
  ): SocketListener | null;
}

/** What all connections of a listener share. */
export interface ConnectionOwner {
  readonly answer: AnswerRequest;
  readonly webSockets: WebSocketUpgrader;
  /** `Server` of every reply; empty for none. */
  readonly serverHeader: string;
  /** Clients are to be asked to close: we are stopping. */
  readonly closing: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Takes over connections of clients that speak HTTP/2; `null` when they are refused. */
  readonly http2: Http2Taker | null;
  closed(connection: ServerConnection): void;
}

/** Hears of a connection from its first byte on. */
export interface Http2Taker {
  open(socket: ByteSocket, peer: Peer): SocketListener;
}

/** Who a connection is with. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly tls?: TlsView | undefined;
}
