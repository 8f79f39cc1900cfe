import {
  ABNORMAL,
  closePayload,
  type DeadlineSweep,
  MessageReader,
  type MessageSink,
  OP_BINARY,
  OP_CLOSE,
  OP_PING,
  OP_PONG,
  plainFrame,
  plainHead,
  plainTextFrame,
  SendQueue,
  type Timed,
} from "@catena/http";
import type { ByteSocket, SocketListener } from "../byte-socket.ts";
import type { ClientWebSocket, WebSocketHandlers } from "./client-web-socket.ts";

/** How long a client has to answer a Close frame, or to take the last of what it is sent. */
const GRACE_MS = 5_000;
/** Payloads up to this are copied behind their head, so that a message is one write. */
const ONE_WRITE_BYTES = 65_536;

const OPEN = 0;
/** We sent a Close frame; the client's is awaited, and all else it sends dropped. */
const CLOSING = 1;
/** The client broke the protocol: nothing it sends can be read. */
const FAULTED = 2;
/** Both Close frames are there; the connection ends once ours is out. */
const ENDING = 3;
const CLOSED = 4;

/** A WebSocket of our own server, after its handshake (RFC 6455 §5 to §7). */
export class AcceptedWebSocket<Data>
  implements ClientWebSocket<Data>, MessageSink, SocketListener, Timed
{
  dueAt = Number.POSITIVE_INFINITY;
  sweepSlot = -1;
  readonly data: Data;
  readonly #socket: ByteSocket;
  readonly #handlers: WebSocketHandlers<Data>;
  readonly #sweep: DeadlineSweep;
  readonly #reader: MessageReader;
  readonly #out: SendQueue;
  #state = OPEN;
  #isPaused = false;
  /** The last ping of a client that does not take what it is sent; it is owed no other pong (§5.5.3). */
  #owed: Buffer | null = null;

  /** @param sweep looks after those that are closing. */
  constructor(
    socket: ByteSocket,
    data: Data,
    handlers: WebSocketHandlers<Data>,
    sweep: DeadlineSweep,
  ) {
    this.#socket = socket;
    this.data = data;
    this.#handlers = handlers;
    this.#sweep = sweep;
    this.#reader = new MessageReader(this, handlers.maxPayloadLength, "client");
    this.#out = new SendQueue(socket);
  }

  /**
   * Sends the reply to the handshake; messages may be sent from then on.
   *
   * @returns whether the connection is still there.
   */
  begin(head: Uint8Array): boolean {
    const taken = this.#socket.write(head);
    if (taken < 0) return false;
    if (taken < head.byteLength) this.#out.send(head.subarray(taken));
    try {
      this.#handlers.open(this);
    } catch (error) {
      this.#failed(error);
    }
    return true;
  }

  sendText(text: string): number {
    return this.#state === OPEN ? this.#send(plainTextFrame(text)) : 0;
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): number {
    if (this.#state !== OPEN) return 0;
    if (bytes.byteLength <= ONE_WRITE_BYTES) return this.#send(plainFrame(OP_BINARY, bytes));
    const head = this.#send(plainHead(OP_BINARY, bytes.byteLength));
    const body = this.#send(bytes);
    return head < 0 || body < 0 ? -1 : head + body;
  }

  ping(payload: Uint8Array<ArrayBuffer>): number {
    return this.#state === OPEN ? this.#send(plainFrame(OP_PING, payload)) : 0;
  }

  pong(payload: Uint8Array<ArrayBuffer>): number {
    return this.#state === OPEN ? this.#send(plainFrame(OP_PONG, payload)) : 0;
  }

  close(code: number, reason: string): void {
    if (this.#state !== OPEN) return;
    this.#sendClose(CLOSING, code, reason);
    this.#tellClosed(code, reason);
  }

  terminate(): void {
    if (this.#state !== OPEN) {
      this.#abort();
      return;
    }
    this.#out.flush();
    if (this.#out.length > 0) this.#abort();
    else {
      // In order, for a reset might take what was sent last with it.
      this.#reader.stop();
      this.#beginEnd(ENDING);
      this.#endWhenSent();
    }
    this.#tellClosed(ABNORMAL, "");
  }

  pause(): void {
    if (this.#isPaused || this.#state !== OPEN) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#state !== CLOSED) this.#socket.resume();
  }

  getBufferedAmount(): number {
    this.#out.flush();
    return this.#out.length + (this.#socket.unsent ?? 0);
  }

  socketData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#failed(error);
    }
  }

  socketDrained(): void {
    const hasMoved = this.#out.drain();
    if (this.#state === OPEN) {
      this.#payOwed();
      this.#tellDrained();
      return;
    }
    if (hasMoved) this.dueAt = performance.now() + GRACE_MS;
    this.#endWhenSent();
  }

  socketClosed(): void {
    const wasOpen = this.#state === OPEN;
    this.#leave();
    if (wasOpen) this.#tellClosed(ABNORMAL, "");
  }

  onMessage(message: string | Buffer): void {
    if (this.#state === OPEN) this.#handlers.message(this, message);
  }

  onPing(payload: Buffer): void {
    if (this.#state !== OPEN) return;
    if (this.#out.isStalled) this.#owed = payload;
    else this.#send(plainFrame(OP_PONG, payload));
    this.#handlers.ping(this, payload);
  }

  onPong(payload: Buffer): void {
    if (this.#state === OPEN) this.#handlers.pong(this, payload);
  }

  onClose(code: number, reason: string): void {
    if (this.#state === OPEN) {
      this.#sendClose(ENDING, code, reason);
      this.#tellClosed(code, reason);
    } else if (this.#state === CLOSING) {
      this.#state = ENDING;
      this.#endWhenSent();
    }
  }

  onFault(code: number, reason: string): void {
    if (this.#state === OPEN) {
      this.#sendClose(FAULTED, code, reason);
      this.#tellClosed(ABNORMAL, reason);
    } else if (this.#state === CLOSING) {
      this.#state = FAULTED;
      this.#endWhenSent();
    }
  }

  /** The client had its time. */
  expire(): void {
    this.#abort();
  }

  #send(bytes: Uint8Array): number {
    return this.#out.send(bytes) ? bytes.byteLength : -1;
  }

  #payOwed(): void {
    const payload = this.#owed;
    if (payload === null || this.#out.isStalled) return;
    this.#owed = null;
    this.#send(plainFrame(OP_PONG, payload));
  }

  #sendClose(next: number, code: number, reason: string): void {
    this.#beginEnd(next);
    this.#send(plainFrame(OP_CLOSE, closePayload(code, reason)));
    this.#out.flush();
    this.#endWhenSent();
  }

  #beginEnd(next: number): void {
    this.#owed = null;
    this.#state = next;
    // What is paused would not hear of the client's Close frame, nor of its end.
    this.resume();
    this.dueAt = performance.now() + GRACE_MS;
    this.#sweep.add(this);
  }

  /**
   * Nothing more is to be sent. Of a client that may be in the middle of a message the rest is still
   * read and dropped: unread, it would make the system reset the connection, Close frame and all.
   */
  #endWhenSent(): void {
    if (this.#out.length > 0) return;
    if (this.#state === ENDING) this.#socket.end();
    else if (this.#state === FAULTED) this.#socket.shutdown();
  }

  #abort(): void {
    if (this.#state === CLOSED) return;
    this.#leave();
    this.#socket.terminate();
  }

  #leave(): void {
    this.#state = CLOSED;
    this.#reader.stop();
    this.#out.clear();
    this.#owed = null;
    this.#sweep.remove(this);
  }

  #tellDrained(): void {
    try {
      this.#handlers.drain(this);
    } catch (error) {
      this.#failed(error);
    }
  }

  #tellClosed(code: number, reason: string): void {
    try {
      this.#handlers.close(this, code, reason);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#handlers.error(error instanceof Error ? error : new Error(String(error)), this);
  }
}
