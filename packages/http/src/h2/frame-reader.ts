import { FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from "./frames.ts";

/** Takes frames as they arrive. */
export interface FrameSink {
  /** The payload is the bytes of `chunk` from `from` up to `to`; the chunk is the sink's to keep. */
  onFrame(
    type: number,
    flags: number,
    stream: number,
    chunk: Buffer,
    from: number,
    to: number,
  ): void;
  /** A frame is longer than we allow; nothing more is read. */
  onOversized(type: number): void;
}

/** Cuts frames (RFC 9113 §4.1) out of pieces of any size. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** Pieces of a frame that is not complete, and the bytes that are still to come. */
  #pieces: Buffer[] = [];
  #held = 0;
  #wanted = FRAME_HEAD_BYTES;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Ignores everything from now on; the sink may call it at any time. */
  stop(): void {
    this.#isStopped = true;
    this.#pieces = [];
  }

  push(chunk: Buffer): void {
    if (this.#isStopped) return;
    if (this.#held === 0) this.#read(chunk);
    else {
      this.#pieces.push(chunk);
      this.#held += chunk.length;
      if (this.#held < this.#wanted) return;
      const joined = Buffer.concat(this.#pieces, this.#held);
      this.#pieces = [];
      this.#held = 0;
      this.#read(joined);
    }
  }

  #read(chunk: Buffer): void {
    let at = 0;
    while (!this.#isStopped) {
      const left = chunk.length - at;
      if (left < FRAME_HEAD_BYTES) {
        this.#hold(chunk, at, FRAME_HEAD_BYTES);
        return;
      }
      const length = chunk.readUIntBE(at, 3);
      // The bound of the loop has shown that nine bytes are there.
      const type = chunk[at + 3] as number;
      const flags = chunk[at + 4] as number;
      if (length > MAX_FRAME_BYTES) {
        this.stop();
        this.#sink.onOversized(type);
        return;
      }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > chunk.length) {
        this.#hold(chunk, at, FRAME_HEAD_BYTES + length);
        return;
      }
      // RFC 9113 §4.1: the reserved bit is ignored.
      const stream = chunk.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#sink.onFrame(type, flags, stream, chunk, at + FRAME_HEAD_BYTES, end);
      at = end;
    }
  }

  #hold(chunk: Buffer, at: number, wanted: number): void {
    if (at === chunk.length) return;
    this.#pieces.push(chunk.subarray(at));
    this.#held = chunk.length - at;
    this.#wanted = wanted;
  }
}
