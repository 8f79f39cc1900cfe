import type { TlsView } from "@catena/expr";
import type { HeaderLines } from "@catena/http";

/** The connection a request came over. */
export interface ClientConnection {
  /** Address of the other end, an IPv4 one as such; empty when it is gone already. */
  readonly remoteAddress: string;
  /** 0 when it is not known. */
  readonly remotePort: number;
  /** Where it was accepted, as far as the listener is bound to one address and port. */
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  /** Absent in clear text. */
  readonly tls?: TlsView | undefined;
}

/**
 * A request as its client sent it: what a listener hands to the gateway. Nothing is made before it is
 * asked for, since most requests need but a header or two.
 */
export interface ClientRequest {
  readonly method: string;
  readonly connection: ClientConnection;
  /** Whether a body was declared, an empty one aside. */
  readonly hasBody: boolean;
  /** A header by its name in lower case, values of a repeated name joined; `null` when absent. */
  header(name: string): string | null;
  /** Every header as a flat list, names in lower case; values of a repeated name joined. */
  headers(): readonly string[];
  /** The same as they came, where they can be passed on so; `null` otherwise. */
  readonly lines: HeaderLines | null;
  /**
   * The body as it arrives; `null` when there is none. Taken once, and not after a read.
   */
  readonly body: ReadableStream<Uint8Array> | null;
  /** All of the body, as text when that is short and ASCII; `null` when it is not here yet. Changes nothing. */
  wholeBody(): string | Uint8Array | null;
  /**
   * Reads the whole body; once.
   * @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST
   */
  readBytes(maxBytes: number): Promise<Uint8Array>;
  /**
   * Reads the whole body as text, at once when it is here already; once.
   * @throws REQUEST_TOO_LARGE, REQUEST_NOT_UTF8, REQUEST_BODY_LOST
   */
  readText(maxBytes: number): string | Promise<string>;
  /** It takes long: `onGone` is to hear when the client leaves, and no idle timer may end it. */
  watch(onGone: () => void): void;
  /** The end of what {@link watch} began: the next request on the connection is as any other. */
  unwatch(): void;
  /**
   * Switches the connection to a WebSocket, and answers the handshake with these headers and its own.
   *
   * @param data what the listener's WebSocket handlers find at their socket.
   * @returns whether the handshake was sound (RFC 6455 §4.2.1); otherwise nothing happened.
   */
  upgrade(headers: Headers, data: object): boolean;
}
