import { type ReplySource, ReplyStream } from "./reply-stream.ts";

const EMPTY = new Uint8Array(0);

/** Gathers the body of one reply after another: as bytes until a stream is asked for. */
export class ReplyBody {
  bytes = 0;
  #piece: Uint8Array | null = null;
  #pieces: Uint8Array[] | null = null;
  #stream: ReplyStream | null = null;

  get isStream(): boolean {
    return this.#stream !== null;
  }

  /** @returns whether more can be taken now; `false` only for a stream whose reader is slow. */
  push(bytes: Uint8Array): boolean {
    this.bytes += bytes.byteLength;
    if (this.#stream !== null) return this.#stream.push(bytes);
    if (this.#piece === null) this.#piece = bytes;
    else if (this.#pieces === null) this.#pieces = [this.#piece, bytes];
    else this.#pieces.push(bytes);
    return true;
  }

  /** What came so far; most bodies are one piece, which is handed on without a copy. */
  take(): Uint8Array {
    const body =
      this.#pieces === null ? (this.#piece ?? EMPTY) : Buffer.concat(this.#pieces, this.bytes);
    this.#piece = null;
    this.#pieces = null;
    return body;
  }

  /** Goes on as a stream that begins with what came so far. */
  stream(source: ReplySource): ReplyStream {
    const stream = new ReplyStream(source);
    this.#stream = stream;
    return stream;
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
