import { MAX_HEAD_BYTES, MAX_HEADERS } from "./head-limits.ts";
import { NOT_TOKEN, NOT_VALUE } from "./http-syntax.ts";

/** Takes the data of a body as it arrives. */
export interface BodySink {
  /** The data are the bytes of `chunk` from `from` up to `to`; the chunk is the sink's to keep. */
  onBody(chunk: Buffer, from: number, to: number): void;
}

/** One size line with its extensions; a sender has no reason to come near it. */
const MAX_SIZE_LINE = 1024;
/** Extensions of all chunks together: they are dropped, so they must not be a free channel. */
const MAX_EXTENSION_BYTES = 16_384;
/** RFC 9112 §7.1; blanks are taken only where the grammar has them, before an extension. */
const SIZE_LINE = /^([0-9A-Fa-f]{1,13})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;
/** What can still become a {@link SIZE_LINE}, so that nonsense is refused without waiting for its end. */
const SIZE_LINE_START = /^[0-9A-Fa-f]{1,13}(?:[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?$/;

const SIZE = 0;
const DATA = 1;
const DATA_END = 2;
const TRAILER = 3;
const DONE = 4;

/** Decodes one chunked body (RFC 9112 §7.1) from pieces of any size. Trailers are checked and dropped. */
export class ChunkedBody {
  #state = SIZE;
  #line = "";
  #left = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailers = 0;
  /** Why the body is broken; nothing more may be pushed then. */
  error: string | null = null;

  get done(): boolean {
    return this.#state === DONE;
  }

  reset(): void {
    this.#state = SIZE;
    this.#line = "";
    this.#left = 0;
    this.#extensionBytes = 0;
    this.#trailerBytes = 0;
    this.#trailers = 0;
    this.error = null;
  }

  /**
   * Reads `chunk` from `at` on and hands data to `sink`.
   *
   * @returns where reading stopped: the end of `chunk`, or just behind the body.
   */
  push(chunk: Buffer, at: number, sink: BodySink): number {
    while (at < chunk.length && this.#state !== DONE && this.error === null) {
      if (this.#state === DATA) {
        const take = Math.min(this.#left, chunk.length - at);
        this.#left -= take;
        if (this.#left === 0) this.#state = DATA_END;
        sink.onBody(chunk, at, at + take);
        at += take;
      } else {
        at = this.#readLine(chunk, at);
      }
    }
    return at;
  }

  #readLine(chunk: Buffer, at: number): number {
    const limit = this.#state === TRAILER ? MAX_HEAD_BYTES : MAX_SIZE_LINE;
    const feed = chunk.indexOf(0x0a, at);
    const end = feed < 0 ? chunk.length : feed;
    if (this.#line.length + (end - at) > limit) {
      this.error = "a line of a chunked body is too long";
      return at;
    }
    this.#line += chunk.toString("latin1", at, end);
    if (feed < 0) {
      this.#judgeStart();
      return end;
    }
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r")) this.error = "a bare line feed in a chunked body";
    else this.#endLine(line.slice(0, -1));
    return feed + 1;
  }

  /** Refuses the beginning of a line that no further byte can make right. */
  #judgeStart(): void {
    if (this.#state === SIZE && !SIZE_LINE_START.test(this.#line)) this.error = "bad chunk size";
    if (this.#state === DATA_END && this.#line !== "\r")
      this.error = "a chunk is longer than its size";
  }

  #endLine(line: string): void {
    if (this.#state === SIZE) this.#endSize(line);
    else if (this.#state === DATA_END) {
      if (line === "") this.#state = SIZE;
      else this.error = "a chunk is longer than its size";
    } else if (line === "") this.#state = DONE;
    else this.#endTrailer(line);
  }

  #endSize(line: string): void {
    const match = SIZE_LINE.exec(line);
    const digits = match?.[1];
    if (digits === undefined) {
      this.error = "bad chunk size";
      return;
    }
    this.#extensionBytes += line.length - digits.length;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) {
      this.error = "too many chunk extensions";
      return;
    }
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? TRAILER : DATA;
  }

  #endTrailer(line: string): void {
    this.#trailerBytes += line.length + 2;
    this.#trailers += 1;
    const colon = line.indexOf(":");
    if (this.#trailerBytes > MAX_HEAD_BYTES || this.#trailers > MAX_HEADERS)
      this.error = "too many trailers";
    else if (
      colon <= 0 ||
      NOT_TOKEN.test(line.slice(0, colon)) ||
      NOT_VALUE.test(line.slice(colon + 1))
    )
      this.error = "bad trailer";
  }
}
