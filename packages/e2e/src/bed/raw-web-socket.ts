import { createHash } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from "node:tls";

/** One frame as it was on the wire, its payload unmasked. */
export interface SeenFrame {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly payload: Buffer;
}

/**
 * One end of a WebSocket whose frames a test writes and reads itself. All it does by itself is to
 * answer a Close frame, and a server then ends the connection.
 */
export interface RawWebSocket {
  /** Request or status line and headers of the other end. */
  readonly head: string;
  /** The next frame; rejects when the connection ends first. */
  next(): Promise<SeenFrame>;
  /** Resolves when the connection is over. */
  readonly ended: Promise<void>;
  send(opcode: number, payload: Uint8Array | string, isFinal?: boolean): void;
  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void;
  close(code: number, reason?: string): void;
  /** Stops taking bytes from the network. */
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
  /** Bytes that {@link send} was given and the network has not taken. */
  readonly backlog: number;
}

export interface RawWebSocketServer {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly node: string;
  /** The next client whose handshake was accepted. */
  accepted(): Promise<RawWebSocket>;
  /** Drops connections that nobody asked for with {@link accepted}. */
  forget(): void;
  /** Heads of all requests so far. */
  readonly heads: readonly string[];
  readonly openCount: number;
  stop(): Promise<void>;
}

export interface RawWebSocketServerOptions {
  /** Lines for the reply of 101, each with its CRLF; `null` sends no reply at all. */
  readonly reply?: (head: string) => string;
  /** Sent in the same write as the head. */
  readonly early?: Uint8Array;
  readonly tls?: TlsOptions;
}

/** Starts an upstream that answers every request with 101, unless `reply` says otherwise. */
export async function startRawWebSocketServer(
  options: RawWebSocketServerOptions = {},
): Promise<RawWebSocketServer> {
  const sockets = new Set<Socket>();
  const heads: string[] = [];
  const waiting: ((socket: RawWebSocket) => void)[] = [];
  const ready: RawWebSocket[] = [];
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    void new RawEnd(socket, false).begin().then(
      (end) => {
        heads.push(end.head);
        const reply = options.reply?.(end.head) ?? switching(end.head);
        socket.write(
          Buffer.concat([Buffer.from(reply, "latin1"), options.early ?? Buffer.alloc(0)]),
        );
        const taker = waiting.shift();
        if (taker === undefined) ready.push(end);
        else taker(end);
      },
      () => {},
    );
  };
  const server =
    options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    node: `127.0.0.1:${address.port}`,
    heads,
    get openCount() {
      return sockets.size;
    },
    accepted: () => {
      const first = ready.shift();
      return first === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(first);
    },
    forget: () => {
      for (const end of ready.splice(0)) end.destroy();
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The reply a server gives that agrees to a handshake. */
export function switching(head: string, lines = ""): string {
  const key = /^sec-websocket-key: *(.*)$/im.exec(head)?.[1] ?? "";
  const accept = createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${lines}\r\n`;
}

/** Lines of a handshake, for {@link openRawWebSocket}. */
export const handshakeLines = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
] as const;

/** Opens a connection, sends a handshake and reads the head of the reply, whatever it is. */
export async function openRawWebSocket(
  url: string,
  lines: readonly string[] = [],
  handshake: readonly string[] = handshakeLines,
): Promise<RawWebSocket> {
  const { hostname, port, pathname, search, protocol, host } = new URL(url);
  const socket =
    protocol === "https:" || protocol === "wss:"
      ? connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false })
      : connect(Number(port), hostname);
  const request = [`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...handshake, ...lines];
  socket.write(`${request.join("\r\n")}\r\n\r\n`);
  return new RawEnd(socket, true).begin();
}

class RawEnd implements RawWebSocket {
  head = "";
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #isClient: boolean;
  readonly #frames: SeenFrame[] = [];
  readonly #takers: { resolve(frame: SeenFrame): void; reject(error: Error): void }[] = [];
  #input: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  #hasClosed = false;
  #onHead: (() => void) | null = null;

  constructor(socket: Socket, isClient: boolean) {
    this.#socket = socket;
    this.#isClient = isClient;
    this.ended = new Promise((resolve) => {
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#hasEnded = true;
        for (const taker of this.#takers.splice(0)) taker.reject(new Error("the connection ended"));
        resolve();
      });
    });
    socket.on("data", (chunk) => {
      this.#input = Buffer.concat([this.#input, Buffer.from(chunk)]);
      if (this.head === "") this.#takeHead();
      if (this.head !== "") while (this.#takeFrame());
    });
  }

  async begin(): Promise<RawWebSocket> {
    const headed = new Promise<void>((resolve) => {
      this.#onHead = resolve;
    });
    await Promise.race([
      headed,
      this.ended.then(() => {
        if (this.head === "") throw new Error("ended without a head");
      }),
    ]);
    return this;
  }

  next(): Promise<SeenFrame> {
    const first = this.#frames.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.#hasEnded) return Promise.reject(new Error("the connection ended"));
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  send(opcode: number, payload: Uint8Array | string, isFinal = true): void {
    if (opcode === 8) this.#hasClosed = true;
    this.write(frameOf(opcode, Buffer.from(payload), isFinal, this.#isClient));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  close(code: number, reason = ""): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(8, Buffer.concat([payload, Buffer.from(reason)]));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  #takeHead(): void {
    const end = this.#input.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.head = this.#input.toString("latin1", 0, end + 2);
    this.#input = this.#input.subarray(end + 4);
    this.#onHead?.();
  }

  #takeFrame(): boolean {
    const input = this.#input;
    const second = input[1];
    if (second === undefined) return false;
    const isMasked = (second & 0x80) !== 0;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (input.length < start) return false;
    const length =
      lengthBytes === 0
        ? short
        : lengthBytes === 2
          ? input.readUInt16BE(2)
          : Number(input.readBigUInt64BE(2));
    if (input.length < start + length) return false;
    const payload = Buffer.from(input.subarray(start, start + length));
    if (isMasked) mask(payload, input.subarray(start - 4, start));
    this.#input = input.subarray(start + length);
    const first = input.readUInt8(0);
    const frame = { isFinal: (first & 0x80) !== 0, opcode: first & 0x0f, isMasked, payload };
    const taker = this.#takers.shift();
    if (taker === undefined) this.#frames.push(frame);
    else taker.resolve(frame);
    if (frame.opcode === 8) this.#answerClose(payload);
    return true;
  }

  #answerClose(payload: Buffer): void {
    if (!this.#hasClosed) this.send(8, payload);
    if (!this.#isClient) this.end();
  }
}

/** Words a frame; a client's is masked. */
export function frameOf(
  opcode: number,
  payload: Buffer,
  isFinal: boolean,
  isClient: boolean,
): Buffer {
  const { length } = payload;
  const size = length < 126 ? length : length < 65_536 ? 126 : 127;
  const head = Buffer.alloc(size === 126 ? 4 : size === 127 ? 10 : 2);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = (isClient ? 0x80 : 0) | size;
  if (size === 126) head.writeUInt16BE(length, 2);
  if (size === 127) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isClient) return Buffer.concat([head, payload]);
  const key = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  const masked = Buffer.from(payload);
  mask(masked, key);
  return Buffer.concat([head, key, masked]);
}

function mask(payload: Buffer, key: Buffer): void {
  for (let i = 0; i < payload.length; i++) {
    payload.writeUInt8(payload.readUInt8(i) ^ key.readUInt8(i & 3), i);
  }
}
