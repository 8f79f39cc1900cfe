import {
  closePayload,
  type DeadlineSweep,
  MessageReader,
  type MessageSink,
  maskedFrame,
  OP_BINARY,
  OP_CLOSE,
  OP_PING,
  OP_PONG,
  OP_TEXT,
  SendQueue,
  type Timed,
} from "@catena/http";
import type { Socket } from "bun";
import type { Origin } from "../transport/transport.ts";
import type { Dialled } from "../transport/wire/dial.ts";

/** Hears of what an upstream sends; not called any more after `onClose`, `onFault` or `onLost`. */
export interface WebSocketListener extends MessageSink {
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
export class UpstreamWebSocket implements Dialled, MessageSink, Timed {
  dueAt: number;
  sweepSlot = -1;
  readonly origin: Origin;
  readonly #socket: Socket<Dialled>;
  readonly #sweep: DeadlineSweep;
  readonly #limits: WebSocketLimits;
  readonly #onEnd: () => void;
  readonly #reader: MessageReader;
  #listener: WebSocketListener | null = null;
  /** What came before there was a listener. */
  #early: Buffer[];
  #state = OPEN;
  /** The upstream's Close frame came, or nothing that could be read any more. */
  #peerEnded = false;
  readonly #out: SendQueue;
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
    this.#out = new SendQueue(socket, () => this.#touch());
    this.#early = early.length === 0 ? [] : [early];
    this.#sweep = sweep;
    this.#limits = limits;
    this.#reader = new MessageReader(this, limits.maxMessageBytes, "server");
    this.#onEnd = onEnd;
    this.dueAt = performance.now() + GRACE_MS;
    socket.data = this;
    socket.pause();
    sweep.add(this);
  }

  /** Bytes given to the socket that the network has not taken. */
  get backlog(): number {
    return this.#out.length;
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
    this.#send(OP_TEXT, Buffer.from(text));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#send(OP_BINARY, bytes);
  }

  ping(payload: Uint8Array): void {
    this.#send(OP_PING, payload);
  }

  pong(payload: Uint8Array): void {
    this.#send(OP_PONG, payload);
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
    this.#send(OP_CLOSE, closePayload(code, reason));
    this.#out.flush();
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
    if (this.#state === CLOSED) return;
    const hasMoved = this.#out.drain();
    if (this.#out.length > 0) {
      if (hasMoved) this.#touch();
      return;
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
    // Waiting since the first byte that was not taken, not since the last one sent.
    if (this.#out.send(maskedFrame(opcode, payload))) this.#touch();
  }

  /** Something moved. A client that is slow, and so keeps us from reading, has as long as an upstream. */
  #touch(): void {
    if (this.#state !== OPEN || this.#listener === null) return;
    const { idleMs, sendMs } = this.#limits;
    this.dueAt = performance.now() + (this.#out.isStalled || this.#isPaused ? sendMs : idleMs);
  }

  #leave(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#out.flush();
    this.#out.clear();
    this.#reader.stop();
    this.#sweep.remove(this);
    this.#socket.terminate();
    this.#onEnd();
  }
}
