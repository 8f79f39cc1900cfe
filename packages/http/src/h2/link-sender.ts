import {
  FIRST_WINDOW,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  makeFrame,
  writeFrameHead,
} from "./frames.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { type ByteTaker, Outbox } from "./outbox.ts";
import { firstPeerSettings, type PeerSettings } from "./settings.ts";
import type { H2Stream } from "./stream.ts";

/** Data up to here goes behind its frame's head in one piece. */
const COPIED_BYTES = 16_384;

/**
 * Writes the frames of one connection: heads at once, data as the windows of the stream and of the
 * connection and the socket allow (RFC 9113 §5.2), streams taking turns frame by frame.
 */
export class LinkSender {
  readonly peer: PeerSettings = firstPeerSettings();
  /** Bytes of data we may send on the connection. */
  window = FIRST_WINDOW;
  readonly #outbox: Outbox;
  readonly #encoder = new HpackEncoder();
  /** Streams that have data left, in the order of their turns. */
  readonly #waiting = new Set<H2Stream>();
  readonly #onSent: (stream: H2Stream) => void;
  #holds = 0;

  /** @param onSent told of a stream that had to wait and has sent all it was given. */
  constructor(socket: ByteTaker, onSent: (stream: H2Stream) => void) {
    this.#outbox = new Outbox(socket);
    this.#onSent = onSent;
  }

  /** Bytes the socket has not taken. */
  get unsentBytes(): number {
    return this.#outbox.size;
  }

  put(frame: Buffer): void {
    this.#outbox.put(frame);
  }

  /** Writes are held back until {@link release}, to be fewer and larger. */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    this.flush();
    if (this.#waiting.size > 0) this.pump();
  }

  flush(): void {
    if (this.#holds === 0) this.#outbox.flush();
  }

  /** Writes what is held back, too: nothing comes after. */
  flushNow(): void {
    this.#outbox.flush();
  }

  /** The socket has room again. */
  drained(): void {
    this.#outbox.drained();
    this.pump();
  }

  sendFields(stream: H2Stream, fields: readonly string[], isLast: boolean): void {
    const block = this.#encoder.encode(fields);
    const size = this.peer.maxFrameBytes;
    for (let at = 0; at === 0 || at < block.length; at += size) {
      const isEnd = at + size >= block.length;
      const flags = (at === 0 && isLast ? FLAG.END_STREAM : 0) | (isEnd ? FLAG.END_HEADERS : 0);
      const type = at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
      this.#outbox.put(makeFrame(type, flags, stream.id, block.subarray(at, at + size)));
    }
    if (isLast) stream.isLocalEnd = true;
    this.flush();
  }

  /** Sends what the stream holds as far as it goes; the rest waits for its turn. */
  sendData(stream: H2Stream): void {
    do {
      while (this.#sendFrame(stream));
    } while (stream.out !== null && this.#makesRoom());
    if (stream.out === null) this.#waiting.delete(stream);
    else this.#waiting.add(stream);
    this.flush();
  }

  /** Lets every waiting stream send what it can, in turns. */
  pump(): void {
    const done: H2Stream[] = [];
    let isMoving = this.#waiting.size > 0;
    while (isMoving) {
      isMoving = false;
      for (const stream of this.#waiting) {
        if (!this.#sendFrame(stream)) continue;
        isMoving = true;
        if (stream.out !== null) continue;
        this.#waiting.delete(stream);
        done.push(stream);
      }
      isMoving ||= this.#makesRoom();
    }
    this.flush();
    for (const stream of done) this.#onSent(stream);
  }

  forget(stream: H2Stream): void {
    this.#waiting.delete(stream);
  }

  /** Whether data had to wait for the socket, and now need not. */
  #makesRoom(): boolean {
    if (!this.#outbox.isCongested) return false;
    this.flush();
    return !this.#outbox.isCongested;
  }

  /** @returns whether a frame was sent. */
  #sendFrame(stream: H2Stream): boolean {
    const { out } = stream;
    if (out === null) return false;
    const room = Math.min(this.window, stream.sendWindow, this.peer.maxFrameBytes);
    // The end of a body without data needs no window.
    if (out.byteLength > 0 && (room <= 0 || this.#outbox.isCongested)) return false;
    const length = Math.min(out.byteLength, Math.max(room, 0));
    const isAll = length === out.byteLength;
    const isLast = isAll && stream.isOutLast;
    this.#putData(stream.id, out.subarray(0, length), isLast ? FLAG.END_STREAM : 0);
    this.window -= length;
    stream.sendWindow -= length;
    stream.out = isAll ? null : out.subarray(length);
    if (isLast) stream.isLocalEnd = true;
    return true;
  }

  #putData(id: number, data: Uint8Array, flags: number): void {
    if (data.byteLength <= COPIED_BYTES) {
      this.#outbox.put(makeFrame(FRAME.DATA, flags, id, data));
      return;
    }
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
    writeFrameHead(head, 0, data.byteLength, FRAME.DATA, flags, id);
    this.#outbox.put(head);
    this.#outbox.put(data);
  }
}
