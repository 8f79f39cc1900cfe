import type { Socket, SocketHandler } from "bun";
import type { Origin } from "../transport.ts";
import type { DialFault } from "./connection.ts";
import { tlsOptions, verifies } from "./tls-options.ts";

/** What a socket is opened for, and hears of it. */
export interface Dialled {
  readonly origin: Origin;
  /** The socket exists, for TLS before its handshake. */
  socketOpened(socket: Socket<Dialled>): void;
  /** The connection can be used. */
  ready(): void;
  socketData(chunk: Buffer): void;
  socketDrained(): void;
  socketEnded(): void;
  socketClosed(error: Error | undefined): void;
  socketFailed(error: Error): void;
  dialFailed(code: DialFault, reason: string): void;
}

// One set of handlers for all connections: each finds its own through `socket.data`. The runtime
// gives every `data` call a buffer of its own, so pieces of it are handed on without a copy.
const shared: SocketHandler<Dialled> = {
  binaryType: "buffer",
  data: (socket, chunk) => socket.data.socketData(chunk),
  drain: (socket) => socket.data.socketDrained(),
  end: (socket) => socket.data.socketEnded(),
  close: (socket, error) => socket.data.socketClosed(error),
  error: (socket, error) => socket.data.socketFailed(error),
  // Having a handler keeps the refusal from being reported as unhandled; the promise brings it too.
  connectError: () => {},
};

const plain: SocketHandler<Dialled> = {
  ...shared,
  open: (socket) => {
    socket.data.socketOpened(socket);
    socket.data.ready();
  },
};

const secure: SocketHandler<Dialled> = {
  ...shared,
  open: (socket) => socket.data.socketOpened(socket),
  handshake: endHandshake,
};

/** Opens the connection's socket; the outcome is told to the connection. */
export function dial(connection: Dialled): void {
  const { address: hostname, port } = connection.origin;
  const fail = (error: unknown): void => {
    const code = codeOf(error);
    connection.dialFailed(FAULTS.get(code) ?? faultOf(code), code);
  };
  try {
    const tls = tlsOptions(connection.origin);
    const opened =
      tls === null
        ? Bun.connect({ hostname, port, data: connection, socket: plain })
        : Bun.connect({ hostname, port, data: connection, socket: secure, tls });
    opened.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/**
 * `success` is false for a certificate that does not verify as well, whatever was asked for: with
 * verification off only a handshake that broke counts, and then the socket is closed already.
 */
function endHandshake(socket: Socket<Dialled>, success: boolean, error: Error | null): void {
  const connection = socket.data;
  if (success || (!verifies(connection.origin) && socket.readyState > 0)) connection.ready();
  else connection.dialFailed("UPSTREAM_TLS", codeOf(error));
}

const FAULTS = new Map<string, DialFault>([
  ["ENOTFOUND", "UPSTREAM_UNRESOLVED"],
  ["EAI_AGAIN", "UPSTREAM_UNRESOLVED"],
  ["ETIMEDOUT", "UPSTREAM_CONNECT_TIMEOUT"],
]);

/** A PEM that cannot be read fails the connect with a code of the TLS library. */
const faultOf = (code: string): DialFault =>
  /^(?:ERR_OSSL|ERR_TLS|ERR_SSL)/.test(code) ? "UPSTREAM_TLS" : "UPSTREAM_REFUSED";

function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  return error instanceof Error ? error.name : "unknown";
}
