import type { DeadlineSweep, Timed } from "@catena/http";
import type { Socket } from "bun";
import type { Origin } from "../transport/transport.ts";
import type { Dialled } from "../transport/wire/dial.ts";
import {
  BINARY,
  CLOSE,
  FrameReader,
  type FrameSink,
  isCloseCode,
  MAX_CONTROL_BYTES,
  PING,
  PONG,
  TEXT,
} from "./frame-reader.ts";
import { maskedFrame } from "./write-frame.ts";

/** Hears of what an upstream sends; not called any more after `onClose`, `onFault` or `onLost`. */
export interface WebSocketListener extends FrameSink {
  /** The connection broke without a Close frame. */
  onLost(): void;
  /** The network took everything that was sent. */
  onDrain(): void;
  /** Nothing moved for as long as the timeouts allow; whoever listens ends the connection, or waits on. */
  onOverdue(): void;
}

export interface WebSocketLimits {
  /** Longest message of the upstream. */
  readonly maxMessageBytes: number;
  /** Longest time without a byte of either side, in milliseconds. */
  readonly idleMs: number;
  /** Longest time that what was sent is not taken, in milliseconds. */
  readonly sendMs: number;
}

/** How long an upstream has to answer a Close frame, and whoever opened a socket to listen to it. */
const GRACE_MS = 5_000;

const OPEN = 0;
/** We sent a Close frame; the upstream's is waited for. */
const CLOSING = 1;
const CLOSED = 2;

/**
 * The gateway's end of a WebSocket to an upstream. Nothing is read before {@link listen}, nor while
 * paused, but for what the runtime had already taken from the network.
 */
export class UpstreamWebSocket implements Dialled, FrameSink, Timed {
  dueAt: number;
  sweepSlot = -1;
  readonly origin: Origin;
  readonly #socket: Socket<Dialled>;
  readonly #sweep: DeadlineSweep;
  readonly #limits: WebSocketLimits;
  readonly #onEnd: () => void;
  readonly #reader: FrameReader;
  #listener: WebSocketListener | null = null;
  /** What came before there was a listener. */
  #early: Buffer[];
  #state = OPEN;
  /** The upstream's Close frame came, or nothing that could be read any more. */
  #peerEnded = false;
  #out: Uint8Array[] = [];
  #backlog = 0;
  #isPaused = false;

  /**
   * @param early what came behind the reply's head.
   * @param onEnd called once, when the connection is over.
   */
  constructor(
    origin: Origin,
    socket: Socket<Dialled>,
    early: Buffer,
    sweep: DeadlineSweep,
    limits: WebSocketLimits,
    onEnd: () => void,
  ) {
    this.origin = origin;
    this.#socket = socket;
    this.#early = early.length === 0 ? [] : [early];
    this.#sweep = sweep;
    this.#limits = limits;
    this.#reader = new FrameReader(this, limits.maxMessageBytes);
    this.#onEnd = onEnd;
    this.dueAt = performance.now() + GRACE_MS;
    socket.data = this;
    socket.pause();
    sweep.add(this);
  }

  /** Bytes given to the socket that the network has not taken. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Begins to read. */
  listen(listener: WebSocketListener): void {
    if (this.#state === CLOSED) {
      listener.onLost();
      return;
    }
    this.#listener = listener;
    this.#touch();
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.#reader.push(chunk);
    if (!this.#isPaused) this.#socket.resume();
  }

  sendText(text: string): void {
    this.#send(TEXT, Buffer.from(text));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#send(BINARY, bytes);
  }

  ping(payload: Uint8Array): void {
    this.#send(PING, payload);
  }

  pong(payload: Uint8Array): void {
    this.#send(PONG, payload);
  }

  /** Stops reading: the upstream is made to wait. */
  pause(): void {
    if (this.#isPaused || this.#state !== OPEN) return;
    this.#isPaused = true;
    this.#socket.pause();
    this.#touch();
  }

  resume(): void {
    if (!this.#isPaused || this.#state === CLOSED) return;
    this.#isPaused = false;
    this.#socket.resume();
    this.#touch();
  }

  /** Starts the closing handshake, or answers the upstream's; the listener hears nothing more. */
  close(code: number, reason: string): void {
    if (this.#state !== OPEN) return;
    this.#listener = null;
    this.#send(CLOSE, closePayload(code, reason));
    this.resume();
    this.#state = CLOSING;
    this.dueAt = performance.now() + GRACE_MS;
    this.#endWhenClosed();
  }

  /** Ends the connection without a Close frame. */
  terminate(): void {
    this.#listener = null;
    this.#leave();
  }

  /** Waits as long again as the timeouts allow. */
  extend(): void {
    this.#touch();
  }

  socketOpened(): void {}

  ready(): void {}

  socketData(chunk: Buffer): void {
    if (this.#state === CLOSED) return;
    if (this.#state === OPEN && this.#listener === null) {
      this.#early.push(chunk);
      return;
    }
    this.#touch();
    this.#reader.push(chunk);
  }

  socketDrained(): void {
    while (this.#state !== CLOSED) {
      const piece = this.#out[0];
      if (piece === undefined) break;
      const taken = Math.max(0, this.#socket.write(piece));
      this.#backlog -= taken;
      if (taken < piece.byteLength) {
        this.#out[0] = piece.subarray(taken);
        if (taken > 0) this.#touch();
        return;
      }
      this.#out.shift();
    }
    this.#endWhenClosed();
    this.#touch();
    this.#listener?.onDrain();
  }

  socketEnded(): void {
    this.#lost();
  }

  socketClosed(): void {
    this.#lost();
  }

  socketFailed(): void {
    this.#lost();
  }

  dialFailed(): void {}

  expire(): void {
    if (this.#state === OPEN && this.#listener !== null) {
      this.dueAt = Number.POSITIVE_INFINITY;
      this.#listener.onOverdue();
    } else this.#leave();
  }

  onMessage(message: string | Buffer): void {
    this.#listener?.onMessage(message);
  }

  onPing(payload: Buffer): void {
    this.#listener?.onPing(payload);
  }

  onPong(payload: Buffer): void {
    this.#listener?.onPong(payload);
  }

  onClose(code: number, reason: string): void {
    this.#peerEnded = true;
    this.#endWhenClosed();
    this.#listener?.onClose(code, reason);
  }

  onFault(code: number, reason: string): void {
    this.#peerEnded = true;
    this.#endWhenClosed();
    this.#listener?.onFault(code, reason);
  }

  /** Both Close frames are out: closes in order. */
  #endWhenClosed(): void {
    if (this.#state === CLOSING && this.#peerEnded && this.#out.length === 0) this.#socket.end();
  }

  #lost(): void {
    const listener = this.#listener;
    this.#listener = null;
    this.#leave();
    listener?.onLost();
  }

  #send(opcode: number, payload: Uint8Array): void {
    if (this.#state !== OPEN) return;
    const frame = maskedFrame(opcode, payload);
    const taken = this.#out.length > 0 ? 0 : Math.max(0, this.#socket.write(frame));
    if (taken < frame.byteLength) {
      // Waiting since the first byte that was not taken, not since the last one sent.
      const isFirst = this.#out.length === 0;
      this.#out.push(taken === 0 ? frame : frame.subarray(taken));
      this.#backlog += frame.byteLength - taken;
      if (!isFirst) return;
    }
    this.#touch();
  }

  /** Something moved. A client that is slow, and so keeps us from reading, has as long as an upstream. */
  #touch(): void {
    if (this.#state !== OPEN || this.#listener === null) return;
    const { idleMs, sendMs } = this.#limits;
    this.dueAt = performance.now() + (this.#out.length > 0 || this.#isPaused ? sendMs : idleMs);
  }

  #leave(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#out = [];
    this.#backlog = 0;
    this.#reader.stop();
    this.#sweep.remove(this);
    this.#socket.terminate();
    this.#onEnd();
  }
}

function closePayload(code: number, reason: string): Uint8Array {
  if (!isCloseCode(code)) return new Uint8Array(0);
  const payload = Buffer.alloc(MAX_CONTROL_BYTES);
  payload.writeUInt16BE(code);
  // Never cuts a character in two (WHATWG Encoding, encodeInto).
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}
