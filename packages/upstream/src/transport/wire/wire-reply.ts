import type { BodyPieces, ReturnedLines, UpstreamReply } from "../transport.ts";
import type { ReplyHead } from "./reply-head.ts";
import type { ReplyStream } from "./reply-stream.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

const EMPTY = new Uint8Array(0);

/**
 * A reply whose parts are made when they are asked for: a step of a chain reads no headers and wants
 * the body as text, a proxied reply wants both as they came. A view of a buffer costs the runtime more
 * than the text of a short body does, so it is made last.
 */
export class WireReply implements UpstreamReply {
  readonly status: number;
  readonly #head: ReplyHead;
  /** Where the body is when it came whole and in one piece. */
  readonly #piece: Buffer | null;
  readonly #from: number;
  readonly #to: number;
  #body: Uint8Array | null;
  /** A body that is still on its way. */
  readonly #stream: ReplyStream | null;

  constructor(
    head: ReplyHead,
    piece: Buffer | null,
    from: number,
    to: number,
    body: Uint8Array | null,
    stream: ReplyStream | null = null,
  ) {
    this.status = head.status;
    this.#head = head;
    this.#piece = piece;
    this.#from = from;
    this.#to = to;
    this.#body = body;
    this.#stream = stream;
  }

  get headers(): readonly string[] {
    return this.#head.headers;
  }

  get body(): Uint8Array | ReadableStream<Uint8Array> | null {
    if (this.#stream !== null) return this.#stream.readable;
    if (this.#body === null && this.#piece !== null)
      this.#body = this.#piece.subarray(this.#from, this.#to);
    return this.#body;
  }

  pieces(): BodyPieces | null {
    return this.#stream;
  }

  returnedLines(): ReturnedLines | null {
    return this.#head.returnedLines();
  }

  asciiText(): string | null {
    const piece = this.#piece;
    if (piece === null || this.#body !== null || this.#to - this.#from > TEXT_BYTES) return null;
    const text = piece.toString("latin1", this.#from, this.#to);
    return isAscii(text) ? text : null;
  }

  text(): string | null {
    const piece = this.#piece;
    if (piece === null || this.#body !== null) return decode(this.body);
    const text = piece.toString("utf8", this.#from, this.#to);
    // What is not UTF-8 was replaced by U+FFFD, which may have been sent as well.
    if (text.includes("\uFFFD") || text.charCodeAt(0) === BYTE_ORDER_MARK) return decode(this.body);
    return text;
  }
}

/** Up to here a text is written sooner than the bytes it stands for. */
const TEXT_BYTES = 16_384;

/** Every other character takes more than a byte. */
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

const BYTE_ORDER_MARK = 0xfeff;

function decode(body: UpstreamReply["body"]): string | null {
  try {
    return strictUtf8.decode(body instanceof Uint8Array ? body : EMPTY);
  } catch {
    return null;
  }
}
