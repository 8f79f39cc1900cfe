import { connect, type Socket as NodeSocket } from "node:net";
import type { Socket, TCPSocketListener } from "bun";

/** A frame as an HTTP/2 peer saw it. */
export interface SeenFrame {
  /** Counts connections from 1. */
  readonly connection: number;
  /** Number of the type (RFC 9113 §6): 0 DATA, 1 HEADERS, 3 RST_STREAM, 4 SETTINGS, 7 GOAWAY … */
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** One end of an HTTP/2 connection: writes frames, sound or not. */
export interface H2Peer {
  readonly connection: number;
  frame(type: number, flags: number, stream: number, payload?: string | Uint8Array): void;
  /** A head of literal fields of up to 126 bytes and, unless `isLast` is false, the end of the stream. */
  head(stream: number, fields: readonly string[], isLast?: boolean): void;
  data(stream: number, bytes: string | Uint8Array, isLast?: boolean): void;
  reset(stream: number, code: number): void;
  goaway(lastStream: number, code: number): void;
  /** Any bytes; latin1 for text. */
  write(bytes: string | Uint8Array): void;
  end(): void;
  /** Closes with a TCP reset. */
  terminate(): void;
}

export interface H2PeerOptions {
  /** A stream's HEADERS frame is there. */
  readonly onHead?: (stream: number, peer: H2Peer) => void;
  readonly onFrame?: (frame: SeenFrame, peer: H2Peer) => void;
  /** The client's preface is there; default: sends empty SETTINGS. */
  readonly onPreface?: (peer: H2Peer) => void;
}

/** An HTTP/2 server on loopback, in clear text, that does what a test tells it and nothing more. */
export interface H2PeerServer {
  readonly port: number;
  readonly frames: readonly SeenFrame[];
  readonly connectionCount: number;
  readonly openCount: number;
  stop(): void;
}

/** Starts an {@link H2PeerServer} on a free port. */
export function startH2Peer(options: H2PeerOptions): H2PeerServer {
  return new ListeningPeer(options);
}

const HEAD_BYTES = 9;

class ListeningPeer implements H2PeerServer {
  readonly frames: SeenFrame[] = [];
  connectionCount = 0;
  openCount = 0;
  readonly #options: H2PeerOptions;
  readonly #listener: TCPSocketListener<ConnectedPeer>;

  constructor(options: H2PeerOptions) {
    this.#options = options;
    this.#listener = Bun.listen<ConnectedPeer>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          this.connectionCount += 1;
          this.openCount += 1;
          socket.data = this.#accept(socket, this.connectionCount);
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

  #accept(socket: Socket<ConnectedPeer>, connection: number): ConnectedPeer {
    const { onFrame, onHead, onPreface } = this.#options;
    const peer: ConnectedPeer = new ConnectedPeer(socket, connection, PREFACE.length, {
      onPreface: () => {
        if (onPreface === undefined) peer.frame(4, 0, 0);
        else onPreface(peer);
      },
      onFrame: (frame) => {
        this.frames.push(frame);
        onFrame?.(frame, peer);
        if (frame.type === 1) onHead?.(frame.stream, peer);
      },
    });
    return peer;
  }
}

/** A client of HTTP/2 that does what a test tells it and nothing more. */
export interface H2PeerClient extends H2Peer {
  readonly frames: readonly SeenFrame[];
  /** The server has closed the connection or its side of it. */
  readonly hasEnded: boolean;
}

/** Connects to a server on loopback; sends the preface and, unless `settings` is `null`, SETTINGS. */
export async function connectH2Peer(
  port: number,
  settings: string | null = "",
): Promise<H2PeerClient> {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const client = new ConnectedClient(socket);
  client.write(PREFACE);
  if (settings !== null) client.frame(4, 0, 0, settings);
  return client;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** What a peer needs of its socket. */
interface PeerSocket {
  write(bytes: Buffer): number;
  end(): unknown;
  terminate(): unknown;
}

/** What comes over a connection. */
interface PeerEvents {
  onPreface(): void;
  onFrame(frame: SeenFrame): void;
}

class ConnectedPeer implements H2Peer {
  readonly connection: number;
  readonly #socket: PeerSocket;
  readonly #events: PeerEvents;
  #input: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  #prefaceLeft: number;

  constructor(socket: PeerSocket, connection: number, prefaceLeft: number, events: PeerEvents) {
    this.#socket = socket;
    this.connection = connection;
    this.#prefaceLeft = prefaceLeft;
    this.#events = events;
  }

  frame(type: number, flags: number, stream: number, payload: string | Uint8Array = ""): void {
    const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
    const frame = Buffer.alloc(HEAD_BYTES + bytes.byteLength);
    frame.writeUIntBE(bytes.byteLength, 0, 3);
    frame[3] = type;
    frame[4] = flags;
    frame.writeUInt32BE(stream, 5);
    frame.set(bytes, HEAD_BYTES);
    this.write(frame);
  }

  head(stream: number, fields: readonly string[], isLast = true): void {
    this.frame(1, isLast ? 5 : 4, stream, literals(fields));
  }

  data(stream: number, bytes: string | Uint8Array, isLast = true): void {
    this.frame(0, isLast ? 1 : 0, stream, bytes);
  }

  reset(stream: number, code: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(code);
    this.frame(3, 0, stream, payload);
  }

  goaway(lastStream: number, code: number): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(lastStream);
    payload.writeUInt32BE(code, 4);
    this.frame(7, 0, 0, payload);
  }

  write(bytes: string | Uint8Array): void {
    const piece = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.#out = Buffer.concat([this.#out, piece]);
    this.flush();
  }

  end(): void {
    this.#socket.end();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  flush(): void {
    const taken = Math.max(0, this.#socket.write(this.#out));
    this.#out = this.#out.subarray(taken);
  }

  take(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    if (this.#prefaceLeft > 0) {
      if (this.#input.length < this.#prefaceLeft) return;
      this.#input = this.#input.subarray(this.#prefaceLeft);
      this.#prefaceLeft = 0;
      this.#events.onPreface();
    }
    while (this.#takeFrame());
  }

  #takeFrame(): boolean {
    const input = this.#input;
    if (input.length < HEAD_BYTES) return false;
    const end = HEAD_BYTES + input.readUIntBE(0, 3);
    if (input.length < end) return false;
    this.#input = input.subarray(end);
    const frame: SeenFrame = {
      connection: this.connection,
      type: input[3] ?? 0,
      flags: input[4] ?? 0,
      stream: input.readUInt32BE(5),
      payload: Buffer.from(input.subarray(HEAD_BYTES, end)),
    };
    this.#events.onFrame(frame);
    return true;
  }
}

class ConnectedClient extends ConnectedPeer implements H2PeerClient {
  readonly frames: SeenFrame[];
  hasEnded = false;

  constructor(socket: NodeSocket) {
    const frames: SeenFrame[] = [];
    // Node's sockets take everything.
    const taker: PeerSocket = {
      write: (bytes) => {
        if (bytes.length > 0) socket.write(bytes);
        return bytes.length;
      },
      end: () => socket.end(),
      terminate: () => socket.resetAndDestroy(),
    };
    super(taker, 1, 0, { onPreface: () => {}, onFrame: (frame) => frames.push(frame) });
    this.frames = frames;
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("error", () => {});
    const ended = (): void => {
      this.hasEnded = true;
    };
    socket.on("end", ended).on("close", ended);
  }
}

/** A header block (RFC 7541 §6.2.2) of fields up to 126 bytes, without any table. */
function literals(fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const [index, text] of fields.entries()) {
    const bytes = Buffer.from(text, "latin1");
    parts.push(Buffer.from(index % 2 === 0 ? [0, bytes.length] : [bytes.length]), bytes);
  }
  return Buffer.concat(parts);
}
