import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientConnection, idleSeconds, type ServerHandle } from "@catena/pipeline";
import type { Server, WebSocketHandler } from "bun";
import type { AnswerFetch } from "../edge/answer-fetch.ts";
import type { WebSocketSession } from "../websocket/session.ts";

/** What a server is told of the connection that it has. */
export interface InnerConnection extends ServerHandle, ClientConnection {
  readonly hostname: string;
  readonly port: number;
}

export interface InnerServersOptions {
  readonly handle: AnswerFetch;
  readonly websocket: WebSocketHandler<WebSocketSession>;
  readonly http2: boolean;
}

/** Servers without a connection that are kept for the next ones. */
const maxIdle = 256;

/**
 * Bun's server for connections that something else has decrypted: it can be given no connection, so it
 * listens on a Unix socket, one server for each connection. So it is known whose requests it gets,
 * without anything in them saying so. They are used again, for making and ending one takes 0.3 ms, twice
 * a handshake.
 */
export class InnerServers {
  readonly #options: InnerServersOptions;
  readonly #idle: InnerServer[] = [];
  #folder: string | null = null;
  #made = 0;

  constructor(options: InnerServersOptions) {
    this.#options = options;
  }

  /** A server for one connection, which every request is said to come from. */
  take(connection: InnerConnection, isHttp2: boolean): InnerServer {
    const server = this.#idle.pop() ?? this.#make();
    server.connection = connection;
    server.isHttp2 = isHttp2;
    return server;
  }

  /** @param isRead whether the server has read its connection to the end: only then it can get another one. */
  giveBack(server: InnerServer, isRead: boolean): void {
    server.connection = null;
    if (isRead && this.#folder !== null && this.#idle.length < maxIdle) this.#idle.push(server);
    else void server.stop(true);
  }

  /** Frees what is not in use; what is given back later is freed then. */
  stop(): void {
    for (const server of this.#idle.splice(0)) void server.stop(true);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  #make(): InnerServer {
    // No other user may reach the sockets in it: whoever did would be taken for a client.
    this.#folder ??= mkdtempSync(join(tmpdir(), "catena-tls-"));
    return new InnerServer(join(this.#folder, String(this.#made++)), this.#options);
  }
}

/** One of them. */
export class InnerServer {
  /** Whose requests it gets now. */
  connection: InnerConnection | null = null;
  isHttp2 = false;
  readonly #path: string;
  readonly #server: Server<WebSocketSession>;

  constructor(path: string, { handle, websocket, http2 }: InnerServersOptions) {
    this.#path = path;
    // The types allow these two with a port alone; the runtime heeds them here as well.
    const further: object = { http2, idleTimeout: idleSeconds };
    this.#server = Bun.serve({
      unix: path,
      fetch: (request) => {
        if (this.connection === null) return new Response(null, { status: 503 });
        if (this.isHttp2) tellOfBody(request);
        return handle(request, this.connection, this.connection);
      },
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      error: () => new Response(null, { status: 500 }),
      websocket,
      ...further,
    });
  }

  connect(): Socket {
    return connect(this.#path);
  }

  timeout(request: Request, seconds: number): void {
    this.#server.timeout(request, seconds);
  }

  upgrade(request: Request, options: { headers: Headers; data: WebSocketSession }): boolean {
    return this.#server.upgrade(request, options);
  }

  /** Lets requests in flight end; with `force`, drops them. It can't be used again. */
  async stop(force: boolean): Promise<void> {
    await this.#server.stop(force);
  }
}

/** HTTP/2 need not say that there is a body (RFC 9113 §8.1); HTTP/1.1, which is read everywhere else, always does. */
function tellOfBody({ method, headers, body }: Request): void {
  if (method === "GET" || method === "HEAD" || headers.has("content-length")) return;
  if (body !== null) headers.set("transfer-encoding", "chunked");
}
