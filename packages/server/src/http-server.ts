import { DeadlineSweep } from "@catena/http";
import type { Socket, TCPSocketListener } from "bun";
import type { ByteSocket } from "./byte-socket.ts";
import type {
  AnswerRequest,
  ConnectionOwner,
  Peer,
  WebSocketUpgrader,
} from "./connection-owner.ts";
import { H2Connections } from "./h2/h2-connections.ts";
import { ServerConnection } from "./server-connection.ts";

export interface HttpServerOptions {
  readonly hostname: string;
  /** 0 leaves it to the system. */
  readonly port: number;
  /** Whether other processes listen on the port, too. */
  readonly isShared: boolean;
  readonly answer: AnswerRequest;
  readonly webSockets: WebSocketUpgrader;
  /** Connections beyond this are closed at once. Default: none are. */
  readonly maxConnections?: number;
  /** Whether clients may speak HTTP/2 from the first byte on. Default `true`. */
  readonly http2?: boolean;
  /** Looked at for every reply. */
  readonly replies: { readonly serverHeader: string; readonly closing: boolean };
}

/** The connections of one listener, wherever their bytes come from. */
export class ServerConnections implements ConnectionOwner {
  readonly answer: AnswerRequest;
  readonly webSockets: WebSocketUpgrader;
  readonly hostname: string;
  port: number;
  /** Those that speak HTTP/2: a part of these, or taken over from the first byte on. */
  readonly http2: H2Connections | null;
  readonly #replies: HttpServerOptions["replies"];
  readonly #connections = new Set<ServerConnection>();
  readonly #sweep = new DeadlineSweep();
  #isStopping = false;
  #whenEmpty: PromiseWithResolvers<void> | null = null;

  constructor(options: Omit<HttpServerOptions, "isShared">) {
    this.answer = options.answer;
    this.webSockets = options.webSockets;
    this.hostname = options.hostname;
    this.port = options.port;
    this.#replies = options.replies;
    this.http2 = options.http2 === false ? null : new H2Connections(this);
  }

  get size(): number {
    return this.#connections.size;
  }

  get serverHeader(): string {
    return this.#replies.serverHeader;
  }

  get closing(): boolean {
    return this.#isStopping || this.#replies.closing;
  }

  open(socket: ByteSocket, peer: Peer): ServerConnection {
    const connection = new ServerConnection(socket, this, peer);
    this.#connections.add(connection);
    this.#sweep.add(connection);
    return connection;
  }

  closed(connection: ServerConnection): void {
    this.#connections.delete(connection);
    this.#sweep.remove(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.resolve();
  }

  /** Lets requests in flight end; with `force`, drops them. */
  async stop(force: boolean): Promise<void> {
    this.#isStopping = true;
    for (const connection of [...this.#connections]) {
      if (force) connection.destroy();
      else connection.stop();
    }
    await this.http2?.stop(force);
    if (this.#connections.size === 0) return;
    this.#whenEmpty ??= Promise.withResolvers<void>();
    await this.#whenEmpty.promise;
  }
}

/** A server of HTTP/1.1 that listens. */
export interface HttpServer {
  readonly port: number;
  /** Connections that are open. */
  readonly openCount: number;
  /** Stops accepting and waits for requests in flight; with `force`, drops them. */
  stop(force: boolean): Promise<void>;
}

/**
 * Listens for clients in clear text.
 *
 * @throws Error when the address is taken or not allowed.
 */
export function listenHttp(options: HttpServerOptions): HttpServer {
  const { hostname, port, isShared, maxConnections = Number.POSITIVE_INFINITY } = options;
  const connections = new ServerConnections(options);
  // The types know this option for connections only; the runtime heeds it here as well.
  const further: object = { reusePort: isShared };
  const listener: TCPSocketListener<ServerConnection | undefined> = Bun.listen<
    ServerConnection | undefined
  >({
    hostname,
    port,
    ...further,
    socket: {
      open: (socket) => {
        // Without files to accept with the runtime turns in circles (measured: a whole core).
        if (connections.size >= maxConnections) socket.terminate();
        else socket.data = connections.open(socket, peerOf(socket));
      },
      data: (socket, chunk) => socket.data?.socketData(chunk),
      drain: (socket) => socket.data?.socketDrained(),
      close: (socket) => socket.data?.socketClosed(),
      error: (socket) => socket.data?.destroy(),
    },
  });
  connections.port = listener.port;
  return {
    port: listener.port,
    get openCount() {
      return connections.size;
    },
    stop: async (force) => {
      listener.stop(false);
      await connections.stop(force);
    },
  };
}

/** What is known of the other end is asked for once: it is gone when the connection is. */
function peerOf(socket: Socket<ServerConnection | undefined>): Peer {
  return { address: socket.remoteAddress, port: socket.remotePort };
}
