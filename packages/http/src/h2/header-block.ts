import { FLAG, H2_ERROR } from "./frames.ts";

/** CONTINUATION frames of one block; a block of the allowed size needs four. */
const MAX_CONTINUATIONS = 32;

/** Where a header block is: the bytes of `bytes` from `from` up to `to`. */
export interface BlockPlace {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Puts together the header block of a HEADERS frame and its CONTINUATION frames (RFC 9113 §4.3). */
export class HeaderBlock {
  /** The stream whose block is not complete; 0 when there is none. */
  stream = 0;
  /** Whether the stream ends with this block. */
  isLast = false;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the payload of a HEADERS frame.
   *
   * @returns the block when it is complete, `null` when more must follow; an error code when it is
   *   not sound.
   */
  begin(
    stream: number,
    flags: number,
    chunk: Buffer,
    from: number,
    to: number,
  ): BlockPlace | number | null {
    this.isLast = (flags & FLAG.END_STREAM) !== 0;
    let begin = from;
    let end = to;
    if ((flags & FLAG.PADDED) !== 0) {
      end -= chunk[begin] ?? 0;
      begin += 1;
    }
    if ((flags & FLAG.PRIORITY) !== 0) begin += 5;
    if (begin > end) return H2_ERROR.PROTOCOL_ERROR;
    if ((flags & FLAG.END_HEADERS) !== 0) return { bytes: chunk, from: begin, to: end };
    this.stream = stream;
    return this.#add(chunk, begin, end);
  }

  /** As {@link begin}, of a CONTINUATION frame of the same stream. */
  go(flags: number, chunk: Buffer, from: number, to: number): BlockPlace | number | null {
    const fault = this.#add(chunk, from, to);
    if (fault !== null || (flags & FLAG.END_HEADERS) === 0) return fault;
    const bytes = Buffer.concat(this.#pieces, this.#size);
    this.stream = 0;
    this.#pieces = [];
    this.#size = 0;
    return { bytes, from: 0, to: bytes.length };
  }

  #add(chunk: Buffer, from: number, to: number): number | null {
    this.#pieces.push(chunk.subarray(from, to));
    this.#size += to - from;
    const isTooMuch = this.#size > this.#maxBytes || this.#pieces.length > MAX_CONTINUATIONS;
    return isTooMuch ? H2_ERROR.ENHANCE_YOUR_CALM : null;
  }
}
