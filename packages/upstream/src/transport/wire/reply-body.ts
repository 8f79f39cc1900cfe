import type { ReplyHead } from "./reply-head.ts";
import { type ReplySource, ReplyStream } from "./reply-stream.ts";
import { WireReply } from "./wire-reply.ts";

const EMPTY = new Uint8Array(0);

/** Gathers the body of one reply after another: as bytes until a stream is asked for. */
export class ReplyBody {
  bytes = 0;
  /** The first piece, as a part of the buffer that it came in. */
  #piece: Buffer | null = null;
  #from = 0;
  #to = 0;
  #pieces: Uint8Array[] | null = null;
  #stream: ReplyStream | null = null;

  get isStream(): boolean {
    return this.#stream !== null;
  }

  push(chunk: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    if (this.#stream !== null) this.#stream.push(cut(chunk, from, to));
    else if (this.#pieces !== null) this.#pieces.push(cut(chunk, from, to));
    else if (this.#piece === null) {
      this.#piece = chunk;
      this.#from = from;
      this.#to = to;
    } else {
      this.#pieces = [cut(this.#piece, this.#from, this.#to), cut(chunk, from, to)];
      this.#piece = null;
    }
  }

  /** What arrived together was pushed. @returns `false` for a stream whose reader is slow. */
  flush(): boolean {
    return this.#stream === null || this.#stream.flush();
  }

  /** The reply with all of its body; most bodies are one piece, which is handed on without a copy. */
  reply(head: ReplyHead): WireReply {
    const pieces = this.#pieces;
    const piece = this.#piece;
    if (head.bodiless) return new WireReply(head, null, 0, 0, null);
    if (pieces !== null) return new WireReply(head, null, 0, 0, Buffer.concat(pieces, this.bytes));
    if (piece === null) return new WireReply(head, null, 0, 0, EMPTY);
    return new WireReply(head, piece, this.#from, this.#to, null);
  }

  /** Goes on as a stream that begins with what came so far. */
  stream(source: ReplySource): ReplyStream {
    const stream = new ReplyStream(source);
    this.#stream = stream;
    return stream;
  }

  /** What came so far, to be the beginning of the stream. */
  takeBegun(): Uint8Array {
    const pieces = this.#pieces;
    const piece = this.#piece;
    this.#pieces = null;
    this.#piece = null;
    if (pieces !== null) return Buffer.concat(pieces, this.bytes);
    return piece === null ? EMPTY : cut(piece, this.#from, this.#to);
  }

  /** @returns the stream that was open, for its end to be told. */
  reset(): ReplyStream | null {
    const stream = this.#stream;
    this.bytes = 0;
    this.#piece = null;
    this.#pieces = null;
    this.#stream = null;
    return stream;
  }
}

const cut = (chunk: Buffer, from: number, to: number): Buffer =>
  from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
