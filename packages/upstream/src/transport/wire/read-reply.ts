import { type BodySink, ChunkedBody, MAX_HEAD_BYTES } from "@catena/http";
import { CHUNKED, parseReplyHead, type ReplyHead, UNTIL_CLOSE } from "./reply-head.ts";

/** Hears of a reply as it arrives: head, body pieces, then the end or a fault. */
export interface ReplySink extends BodySink {
  onHead(head: ReplyHead): void;
  /** @param extra the peer sent more than the reply: the connection must not be used again. */
  onReplyEnd(extra: boolean): void;
  onBadReply(reason: string): void;
}

/** Interim replies before the final one (RFC 9110 §15.2); more than this is not in good faith. */
const MAX_INTERIM = 16;
/** A head fits here almost always: the text is made once, without the body behind it. */
const FIRST_LOOK = 4_096;
/** What a reply begins with; anything else is refused before a whole head is waited for. */
const PREFIX = "HTTP/1.";

const STOPPED = 0;
const HEAD = 1;
const LENGTH = 2;
const CHUNKS = 3;
const CLOSE = 4;

/**
 * Reads one HTTP/1.1 reply (RFC 9112) from pieces of any size; the same bytes give the same result
 * however they are cut. One reader serves all replies of a connection: {@link begin} starts the next.
 */
export class ReplyReader {
  readonly #sink: ReplySink;
  readonly #chunked = new ChunkedBody();
  #state = STOPPED;
  #isHead = false;
  #left = 0;
  #interim = 0;
  /** The part of a head that came in earlier pieces, and its last three characters. */
  #head = "";
  #tail = "";

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** @param isHead the request's method is HEAD. */
  begin(isHead: boolean): void {
    this.#state = HEAD;
    this.#isHead = isHead;
    this.#interim = 0;
    this.#head = "";
    this.#tail = "";
  }

  /** Ignores everything until the next {@link begin}; the sink may call it at any time. */
  stop(): void {
    this.#state = STOPPED;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (this.#state === HEAD && at < chunk.length) at = this.#readHead(chunk, at);
    if (at >= chunk.length) return;
    if (this.#state === LENGTH) this.#readLength(chunk, at);
    else if (this.#state === CHUNKS) this.#readChunks(chunk, at);
    else if (this.#state === CLOSE) this.#sink.onBody(chunk, at, chunk.length);
  }

  /**
   * The peer closed its side.
   *
   * @returns whether that ended the reply in order; otherwise it is cut short.
   */
  end(): boolean {
    if (this.#state !== CLOSE) return false;
    this.#finish(false);
    return true;
  }

  #readHead(chunk: Buffer, at: number): number {
    if (this.#head !== "") return this.#continueHead(chunk, at);
    let text = chunk.toString("latin1", at, Math.min(chunk.length, at + FIRST_LOOK));
    let end = text.indexOf("\r\n\r\n");
    if (end < 0 && at + FIRST_LOOK < chunk.length) {
      text = chunk.toString("latin1", at, Math.min(chunk.length, at + MAX_HEAD_BYTES + 4));
      end = text.indexOf("\r\n\r\n");
    }
    if (end < 0) return this.#keepHead(chunk, text, "");
    const bodyAt = at + end + 4;
    this.#endHead(text, end + 2, bodyAt < chunk.length);
    return bodyAt;
  }

  #continueHead(chunk: Buffer, at: number): number {
    const text = chunk.toString("latin1", at, Math.min(chunk.length, at + MAX_HEAD_BYTES + 4));
    const tail = this.#tail;
    const end = (tail + text).indexOf("\r\n\r\n");
    if (end < 0) return this.#keepHead(chunk, text, tail);
    // `end` counts from the start of `tail`; the empty line ends 4 characters on.
    const bodyAt = at + end + 4 - tail.length;
    const head = this.#head + text;
    const headLength = this.#head.length + end + 2 - tail.length;
    this.#head = "";
    this.#tail = "";
    this.#endHead(head, headLength, bodyAt < chunk.length);
    return bodyAt;
  }

  /** Keeps an unfinished head; what can no longer become one is refused at once. */
  #keepHead(chunk: Buffer, text: string, tail: string): number {
    const seen = tail + text;
    this.#head += text;
    this.#tail = seen.slice(-3);
    if (this.#head.length > MAX_HEAD_BYTES)
      this.#refuse(`a head of more than ${MAX_HEAD_BYTES} bytes`);
    else if (!startsAlike(this.#head)) this.#refuse("bad status line");
    // RFC 9112 §2.2 lets a recipient take a bare LF for a line end; refusing leaves one reading.
    else if (/[^\r]\n/.test(seen)) this.#refuse("a bare line feed in the head");
    return chunk.length;
  }

  /** @param length of the head within `text`, up to the empty line. */
  #endHead(text: string, length: number, more: boolean): void {
    if (length + 2 > MAX_HEAD_BYTES) {
      this.#refuse(`a head of more than ${MAX_HEAD_BYTES} bytes`);
      return;
    }
    const head = parseReplyHead(text, length, this.#isHead);
    if (typeof head === "string") {
      this.#refuse(head);
      return;
    }
    if (head.status < 200) {
      this.#skipInterim(head.status);
      return;
    }
    this.#left = head.framing;
    if (head.framing === CHUNKED) {
      this.#chunked.reset();
      this.#state = CHUNKS;
    } else {
      this.#state = head.framing === UNTIL_CLOSE ? CLOSE : LENGTH;
    }
    this.#sink.onHead(head);
    if (this.#state === LENGTH && this.#left === 0) this.#finish(more);
  }

  /** RFC 9110 §15.2: read and dropped; 101 answers an upgrade that is never asked for. */
  #skipInterim(status: number): void {
    this.#interim += 1;
    if (status === 101) this.#refuse("an upgrade that was not asked for");
    else if (this.#interim > MAX_INTERIM) this.#refuse("too many interim replies");
  }

  #readLength(chunk: Buffer, at: number): void {
    const available = chunk.length - at;
    const left = this.#left;
    if (available < left) {
      this.#left = left - available;
      this.#sink.onBody(chunk, at, chunk.length);
      return;
    }
    this.#sink.onBody(chunk, at, at + left);
    if (this.#state === LENGTH) this.#finish(available > left);
  }

  #readChunks(chunk: Buffer, at: number): void {
    const stopped = this.#chunked.push(chunk, at, this.#sink);
    if (this.#state !== CHUNKS) return;
    if (this.#chunked.error !== null) this.#refuse(this.#chunked.error);
    else if (this.#chunked.done) this.#finish(stopped < chunk.length);
  }

  #finish(extra: boolean): void {
    this.#state = STOPPED;
    this.#sink.onReplyEnd(extra);
  }

  #refuse(reason: string): void {
    this.#state = STOPPED;
    this.#sink.onBadReply(reason);
  }
}

function startsAlike(head: string): boolean {
  return head.length < PREFIX.length ? PREFIX.startsWith(head) : head.startsWith(PREFIX);
}
