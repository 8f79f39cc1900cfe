import type { Socket, TCPSocketListener, TLSOptions } from "bun";

/** One request as a raw server saw it. */
export interface RawRequest {
  /** Counts connections from 1. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Header lines as they came, without the request line. */
  readonly headerLines: readonly string[];
  /** The decoded body; empty when the server does not keep bodies. */
  readonly body: Buffer;
  readonly bodyBytes: number;
}

/** The server's end of one connection. */
export interface RawPeer {
  readonly connection: number;
  /** Sends bytes as they are, latin1 for text, however long they are. */
  write(bytes: string | Uint8Array): void;
  /** Closes in order, behind what was written. */
  end(): void;
  /** Closes with a reset. */
  reset(): void;
  /** Stops taking bytes from the network. */
  pause(): void;
  resume(): void;
  /** Bytes given to {@link write} that the network has not taken. */
  readonly backlog: number;
}

export interface RawServerOptions {
  /** A request is complete, body included. */
  readonly onRequest?: (request: RawRequest, peer: RawPeer) => void;
  /** A request's head is there; its body may not be. */
  readonly onHead?: (request: RawRequest, peer: RawPeer) => void;
  readonly onConnect?: (peer: RawPeer) => void;
  /** The network took everything that was written. */
  readonly onDrain?: (peer: RawPeer) => void;
  /** `false` counts the bytes of bodies and drops them; default `true`. */
  readonly keepBodies?: boolean;
  readonly tls?: TLSOptions;
}

/** An HTTP/1.1 server on loopback that answers with whatever bytes a test gives it. */
export interface RawServer {
  readonly port: number;
  /** Requests whose head was seen, in order. */
  readonly requests: readonly RawRequest[];
  readonly connectionCount: number;
  readonly openCount: number;
  /** Closes every connection and stops listening. */
  stop(): void;
}

/** Starts a {@link RawServer} on a free port. */
export function startRawServer(options: RawServerOptions): RawServer {
  return new ListeningRawServer(options);
}

class ListeningRawServer implements RawServer {
  readonly requests: SeenRequest[] = [];
  connectionCount = 0;
  openCount = 0;
  readonly options: RawServerOptions;
  readonly #listener: TCPSocketListener<SocketPeer>;

  constructor(options: RawServerOptions) {
    this.options = options;
    this.#listener = Bun.listen<SocketPeer>({
      hostname: "127.0.0.1",
      port: 0,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      socket: {
        open: (socket) => {
          this.connectionCount += 1;
          this.openCount += 1;
          socket.data = new SocketPeer(socket, this.connectionCount, this);
          options.onConnect?.(socket.data);
        },
        data: (socket, chunk) => socket.data.take(chunk),
        drain: (socket) => socket.data.flush(),
        close: () => {
          this.openCount -= 1;
        },
        error: () => {},
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop(true);
  }
}

interface SeenRequest extends RawRequest {
  body: Buffer;
  bodyBytes: number;
}

class SocketPeer implements RawPeer {
  readonly connection: number;
  backlog = 0;
  readonly #server: ListeningRawServer;
  readonly #socket: Socket<SocketPeer>;
  readonly #out: Uint8Array[] = [];
  #isEnding = false;
  #input: Buffer = Buffer.alloc(0);
  #request: SeenRequest | null = null;
  /** Bytes of body to come, `-1` for a chunked one. */
  #left = 0;

  constructor(socket: Socket<SocketPeer>, connection: number, server: ListeningRawServer) {
    this.#socket = socket;
    this.connection = connection;
    this.#server = server;
  }

  write(bytes: string | Uint8Array): void {
    const piece = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.#out.push(piece);
    this.backlog += piece.byteLength;
    this.flush();
  }

  end(): void {
    this.#isEnding = true;
    this.flush();
  }

  reset(): void {
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  flush(): void {
    for (let piece = this.#out[0]; piece !== undefined; piece = this.#out[0]) {
      const taken = Math.max(0, this.#socket.write(piece));
      this.backlog -= taken;
      if (taken < piece.byteLength) {
        this.#out[0] = piece.subarray(taken);
        return;
      }
      this.#out.shift();
    }
    if (this.#isEnding) this.#socket.end();
    else this.#server.options.onDrain?.(this);
  }

  take(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#request === null ? this.#takeHead() : this.#takeBody(this.#request));
  }

  #takeHead(): boolean {
    const end = this.#input.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [first = "", ...headerLines] = this.#input.toString("latin1", 0, end).split("\r\n");
    this.#input = this.#input.subarray(end + 4);
    const [method = "", target = ""] = first.split(" ");
    const { connection } = this;
    const body = Buffer.alloc(0);
    this.#request = { connection, method, target, headerLines, body, bodyBytes: 0 };
    const framing = headerLines.join("\n").toLowerCase();
    this.#left = /^transfer-encoding:.*chunked/m.test(framing)
      ? -1
      : Number(/^content-length: *(\d+)/m.exec(framing)?.[1] ?? 0);
    this.#server.requests.push(this.#request);
    this.#server.options.onHead?.(this.#request, this);
    return true;
  }

  /** @returns whether the request is complete, so that another may follow in the same bytes. */
  #takeBody(request: SeenRequest): boolean {
    if (this.#left >= 0) {
      const taken = this.#input.subarray(0, this.#left);
      this.#input = this.#input.subarray(taken.length);
      this.#left -= taken.length;
      this.#keep(request, taken);
      return this.#left === 0 && this.#complete(request);
    }
    for (;;) {
      const line = this.#input.indexOf("\r\n");
      if (line < 0) return false;
      const size = Number.parseInt(this.#input.toString("latin1", 0, line), 16);
      if (this.#input.length < line + 2 + size + 2) return false;
      this.#keep(request, this.#input.subarray(line + 2, line + 2 + size));
      this.#input = this.#input.subarray(line + 2 + size + 2);
      if (size === 0) return this.#complete(request);
    }
  }

  #keep(request: SeenRequest, bytes: Buffer): void {
    request.bodyBytes += bytes.length;
    if (this.#server.options.keepBodies !== false && bytes.length > 0)
      request.body = Buffer.concat([request.body, bytes]);
  }

  #complete(request: SeenRequest): true {
    this.#request = null;
    this.#server.options.onRequest?.(request, this);
    return true;
  }
}
