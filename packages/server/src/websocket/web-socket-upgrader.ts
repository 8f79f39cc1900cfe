import { acceptOf, DeadlineSweep, hasToken } from "@catena/http";
import type { ByteSocket, SocketListener } from "../byte-socket.ts";
import type { WebSocketUpgrader } from "../connection-owner.ts";
import type { ServerRequest } from "../server-request.ts";
import { AcceptedWebSocket } from "./accepted-web-socket.ts";
import type { WebSocketHandlers } from "./client-web-socket.ts";

/** RFC 6455 §4.1: 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Ours to say, or meaningless where no body follows. */
const NOT_GIVEN = new Set([
  "connection",
  "upgrade",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
]);

/**
 * Switches connections of our own server over to WebSockets without extensions (RFC 6455 §4.2). A
 * subprotocol is agreed to when the headers given name one.
 *
 * @param handlers find at their sockets what requests are upgraded with.
 */
export function createWebSocketUpgrader<Data extends object>(
  handlers: WebSocketHandlers<Data>,
): WebSocketUpgrader {
  return new Upgrader(handlers);
}

class Upgrader<Data extends object> implements WebSocketUpgrader {
  readonly #handlers: WebSocketHandlers<Data>;
  readonly #sweep = new DeadlineSweep();

  constructor(handlers: WebSocketHandlers<Data>) {
    this.#handlers = handlers;
  }

  upgrade(
    request: ServerRequest,
    headers: Headers,
    data: object,
    socket: ByteSocket,
  ): SocketListener | null {
    const key = readHandshake(request);
    if (key === null) return null;
    // Whoever upgrades a request knows the handlers (`ClientRequest.upgrade`).
    const accepted = new AcceptedWebSocket(socket, data as Data, this.#handlers, this.#sweep);
    return accepted.begin(writeSwitch(key, headers)) ? accepted : null;
  }
}

/** @returns the key of a handshake that is sound (RFC 6455 §4.2.1), else `null`. */
function readHandshake(request: ServerRequest): string | null {
  // A body would be read as frames.
  if (request.method !== "GET" || request.head.isOld || request.hasBody) return null;
  if (!hasToken(request.header("upgrade") ?? "", "websocket")) return null;
  if (!hasToken(request.header("connection") ?? "", "upgrade")) return null;
  if (request.header("sec-websocket-version") !== "13") return null;
  const key = request.header("sec-websocket-key");
  return key !== null && KEY.test(key) ? key : null;
}

function writeSwitch(key: string, headers: Headers): Uint8Array {
  let head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n`;
  for (const [name, value] of headers) {
    const isLeftOut = NOT_GIVEN.has(name) || (name === "sec-websocket-protocol" && value === "");
    if (!isLeftOut) head += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, "latin1");
}
