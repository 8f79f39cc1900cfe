import { type BodySink, ChunkedBody } from "@catena/http";
import { CHUNKED, type HeadFault, parseRequestHead, type RequestHead } from "./request-head.ts";

/** Hears of a request as it arrives: head, body pieces, then the end or a fault. */
export interface RequestSink extends BodySink {
  onHead(head: RequestHead): void;
  onRequestEnd(): void;
  onFault(fault: HeadFault): void;
}

/** Longest head with its request line; nginx's four buffers of 8 KiB. */
const MAX_REQUEST_HEAD = 32 * 1024;
/** A head fits here almost always: the text is made once, without the body behind it. */
const FIRST_LOOK = 4_096;
/** RFC 9112 §2.2: at least one empty line before a request is to be ignored; some clients sent one. */
const MAX_BLANK_LINES = 2;

/** A text that begins with one was refused for its method already. */
const BARE_FEED = /[^\r]\n/;

const STOPPED = 0;
const HEAD = 1;
const LENGTH = 2;
const CHUNKS = 3;

/**
 * Reads requests of HTTP/1.1 (RFC 9112) from pieces of any size, one at a time; the same bytes give the
 * same result however they are cut.
 */
export class RequestReader {
  readonly #sink: RequestSink;
  readonly #chunked = new ChunkedBody();
  #state = HEAD;
  #isBroken = false;
  #left = 0;
  #blankLines = 0;
  /** The part of a head that came in earlier pieces, and its last three characters. */
  #head = "";
  #tail = "";

  constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  /** Whether it is between two requests, and nothing of the next one came. */
  get isAtStart(): boolean {
    return this.#state === HEAD && this.#head === "";
  }

  /** Whether a request was read to its end, and nothing of another one. */
  get isAtEnd(): boolean {
    return this.#state === STOPPED && !this.#isBroken;
  }

  /** Whether it takes bytes: it does not behind the end of a request until {@link begin}. */
  get isReading(): boolean {
    return this.#state !== STOPPED;
  }

  /** Goes on with the next request. */
  begin(): void {
    this.#state = HEAD;
    this.#blankLines = 0;
    this.#head = "";
  }

  /** Ignores everything. */
  stop(): void {
    this.#state = STOPPED;
    this.#isBroken = true;
  }

  /** @returns where reading stopped: the end of `chunk`, or just behind the request. */
  push(chunk: Buffer): number {
    let at = 0;
    while (this.#state === HEAD && at < chunk.length) at = this.#readHead(chunk, at);
    if (this.#state === LENGTH) return this.#readLength(chunk, at);
    if (this.#state === CHUNKS) return this.#readChunks(chunk, at);
    return at;
  }

  #readHead(chunk: Buffer, at: number): number {
    if (this.#head !== "") return this.#continueHead(chunk, at);
    if (chunk[at] === 0x0d && chunk[at + 1] === 0x0a && this.#mayBeBlank()) return at + 2;
    let text = chunk.toString("latin1", at, Math.min(chunk.length, at + FIRST_LOOK));
    let end = text.indexOf("\r\n\r\n");
    if (end < 0 && at + FIRST_LOOK < chunk.length) {
      text = chunk.toString("latin1", at, Math.min(chunk.length, at + MAX_REQUEST_HEAD + 4));
      end = text.indexOf("\r\n\r\n");
    }
    if (end < 0) return this.#keepHead(chunk, text, "");
    this.#endHead(text, end + 2);
    return at + end + 4;
  }

  #mayBeBlank(): boolean {
    this.#blankLines += 1;
    return this.#blankLines <= MAX_BLANK_LINES;
  }

  #continueHead(chunk: Buffer, at: number): number {
    if (this.#head === "\r") {
      if (chunk[at] === 0x0a && this.#mayBeBlank()) this.#head = "";
      else this.#refuse(noMethod);
      return at + 1;
    }
    const text = chunk.toString("latin1", at, Math.min(chunk.length, at + MAX_REQUEST_HEAD + 4));
    const tail = this.#tail;
    const end = (tail + text).indexOf("\r\n\r\n");
    if (end < 0) return this.#keepHead(chunk, text, tail);
    // `end` counts from the start of `tail`.
    const head = this.#head + text;
    const length = this.#head.length + end + 2 - tail.length;
    this.#head = "";
    this.#endHead(head, length);
    return at + end + 4 - tail.length;
  }

  /** Keeps an unfinished head; what can no longer become one is refused at once. */
  #keepHead(chunk: Buffer, text: string, tail: string): number {
    const seen = tail + text;
    this.#head += text;
    this.#tail = seen.slice(-3);
    if (tail === "" && !/^(?:\r$|[A-Z])/.test(this.#head)) this.#refuse(noMethod);
    // RFC 9112 §2.2 lets a recipient take a bare LF for a line end; refusing leaves one reading.
    else if (BARE_FEED.test(seen.slice(Math.max(0, tail.length - 1)))) this.#refuse(bareFeed);
    else if (this.#head.length > MAX_REQUEST_HEAD) this.#refuse(tooLong);
    return chunk.length;
  }

  #endHead(text: string, length: number): void {
    if (length + 2 > MAX_REQUEST_HEAD) {
      this.#refuse(tooLong);
      return;
    }
    const head = parseRequestHead(text, length);
    if ("reason" in head) {
      this.#refuse(head);
      return;
    }
    this.#left = head.framing;
    if (head.framing === CHUNKED) this.#chunked.reset();
    this.#state = head.framing === CHUNKED ? CHUNKS : head.framing === 0 ? STOPPED : LENGTH;
    this.#sink.onHead(head);
    if (head.framing === 0) this.#sink.onRequestEnd();
  }

  #readLength(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = STOPPED;
    if (end > at) this.#sink.onBody(chunk, at, end);
    if (this.#left === 0) this.#sink.onRequestEnd();
    return end;
  }

  #readChunks(chunk: Buffer, at: number): number {
    const stopped = this.#chunked.push(chunk, at, this.#sink);
    // The sink may have given the request up.
    if (this.#state !== CHUNKS) return stopped;
    if (this.#chunked.error !== null) this.#refuse({ status: 400, reason: this.#chunked.error });
    else if (this.#chunked.done) {
      this.#state = STOPPED;
      this.#sink.onRequestEnd();
    }
    return stopped;
  }

  #refuse(fault: HeadFault): void {
    this.#state = STOPPED;
    this.#isBroken = true;
    this.#head = "";
    this.#sink.onFault(fault);
  }
}

const tooLong: HeadFault = { status: 431, reason: "the head is too long" };
const noMethod: HeadFault = { status: 400, reason: "a method that is none" };
const bareFeed: HeadFault = { status: 400, reason: "a bare line feed in the head" };
