import type { GatewayError } from "@catena/errors";
import { decodeText, requestErrors } from "@catena/pipeline";
import { PieceList, SMALL_PIECE_BYTES } from "./piece-list.ts";

/** What a body asks of the connection that fills it. */
export interface BodySource {
  /** Somebody wants the body: a client that waits for a sign may send it. */
  bodyWanted(): void;
  /** There is room again. */
  resumeBody(): void;
}

/** Bytes that are kept for a reader that is slow, or that nobody is yet. */
const BUFFERED_BYTES = 65_536;

/** Up to here a text is written sooner than the bytes it stands for. */
const TEXT_BYTES = 16_384;

const EMPTY = new Uint8Array(0);

/** The body of one request, as far as it arrived, and whoever waits for it. */
export class RequestBody {
  readonly #source: BodySource;
  /** As declared; -1 for chunks. */
  readonly #declared: number;
  /** The usual body is one piece. */
  #piece: Buffer | null = null;
  #from = 0;
  #to = 0;
  #pieces: PieceList | null = null;
  #bytes = 0;
  #hasEnded = false;
  #isDropped = false;
  /** As a stream, which has what came. */
  #isTaken = false;
  #fault: GatewayError | null = null;
  /** Who reads all of it, and how much that may be. */
  #whole: PromiseWithResolvers<void> | null = null;
  #maxBytes = BUFFERED_BYTES;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(source: BodySource, declared: number) {
    this.#source = source;
    this.#declared = declared;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Bytes that have yet to come; infinite when that is not known. */
  get left(): number {
    if (this.#hasEnded) return 0;
    return this.#declared < 0 ? Number.POSITIVE_INFINITY : this.#declared - this.#bytes;
  }

  /** @returns whether there is room for more. */
  push(chunk: Buffer, from: number, to: number): boolean {
    this.#bytes += to - from;
    if (this.#isDropped) return true;
    if (this.#controller !== null) return this.#handOn(this.#controller, chunk, from, to);
    if (this.#whole !== null && this.#bytes > this.#maxBytes) {
      this.fail(requestErrors.REQUEST_TOO_LARGE({ limitBytes: this.#maxBytes }));
      return true;
    }
    this.#keep(chunk, from, to);
    return this.#whole !== null || this.#bytes < BUFFERED_BYTES;
  }

  /** Small pieces wait in `#pieces` while the reader has others to take. */
  #handOn(
    controller: ReadableStreamDefaultController<Uint8Array>,
    chunk: Buffer,
    from: number,
    to: number,
  ): boolean {
    if (to - from > SMALL_PIECE_BYTES || controller.desiredSize === BUFFERED_BYTES) {
      this.#enqueuePieces();
      controller.enqueue(chunk.subarray(from, to));
    } else {
      this.#pieces ??= new PieceList();
      this.#pieces.add(chunk, from, to);
    }
    return (controller.desiredSize ?? 0) > (this.#pieces?.length ?? 0);
  }

  #enqueuePieces(): void {
    const pieces = this.#pieces;
    if (pieces === null) return;
    this.#pieces = null;
    for (const piece of pieces.take()) this.#controller?.enqueue(piece);
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    if (this.#pieces !== null) this.#pieces.add(chunk, from, to);
    else if (this.#piece === null) {
      this.#piece = chunk;
      this.#from = from;
      this.#to = to;
    } else {
      this.#pieces = new PieceList();
      this.#pieces.add(this.#piece, this.#from, this.#to);
      this.#pieces.add(chunk, from, to);
      this.#piece = null;
    }
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#controller !== null) this.#enqueuePieces();
    this.#controller?.close();
    this.#controller = null;
    this.#whole?.resolve();
  }

  /** No more of it comes, and what came is of no use. */
  fail(error: GatewayError): void {
    if (this.#fault !== null || this.#hasEnded) return;
    this.#fault = error;
    this.#controller?.error(error);
    this.#controller = null;
    this.#whole?.reject(error);
    this.drop();
  }

  /** Nobody will read what is left. */
  drop(): void {
    this.#isDropped = true;
    this.#piece = null;
    this.#pieces = null;
    this.#controller = null;
  }

  /** All of it, as text when that is short and ASCII; `null` when it is not here yet. */
  whole(): string | Uint8Array | null {
    if (!this.#hasEnded || this.#isDropped || this.#isTaken) return null;
    const piece = this.#piece;
    if (piece === null || this.#bytes > TEXT_BYTES) return this.#takeBytes();
    const text = piece.toString("latin1", this.#from, this.#to);
    return Buffer.byteLength(text) === text.length ? text : this.#takeBytes();
  }

  /** @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST */
  async readBytes(maxBytes: number): Promise<Uint8Array> {
    await this.#complete(maxBytes);
    return this.#takeBytes();
  }

  /** @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST, REQUEST_NOT_UTF8 */
  readText(maxBytes: number): string | Promise<string> {
    return this.#hasEnded && this.#bytes <= maxBytes ? this.#takeText() : this.#readText(maxBytes);
  }

  async #readText(maxBytes: number): Promise<string> {
    await this.#complete(maxBytes);
    return this.#takeText();
  }

  /** Waits for all of it. */
  async #complete(maxBytes: number): Promise<void> {
    // A length over the limit is refused before it is read.
    if (this.#declared > maxBytes || this.#bytes > maxBytes)
      throw requestErrors.REQUEST_TOO_LARGE({ limitBytes: maxBytes });
    if (this.#fault !== null) throw this.#fault;
    if (this.#hasEnded) return;
    this.#whole = Promise.withResolvers<void>();
    this.#maxBytes = maxBytes;
    this.#source.bodyWanted();
    this.#source.resumeBody();
    await this.#whole.promise;
  }

  #takeBytes(): Uint8Array {
    const pieces = this.#pieces;
    if (pieces !== null) return Buffer.concat(pieces.take(), this.#bytes);
    return this.#piece === null ? EMPTY : this.#piece.subarray(this.#from, this.#to);
  }

  /** Text of one piece is made without a view of it, which costs more than the text of a short body. */
  #takeText(): string {
    const piece = this.#piece;
    if (piece === null) return decodeText(this.#takeBytes());
    const text = piece.toString("utf8", this.#from, this.#to);
    // What is not UTF-8 was replaced by U+FFFD, which may have been sent as well.
    return text.includes("\uFFFD") ? decodeText(this.#takeBytes()) : text;
  }

  /** The body as it arrives, beginning with what is here. */
  stream(): ReadableStream<Uint8Array> {
    const begun = this.#takeBytes();
    this.#isTaken = true;
    this.#piece = null;
    this.#pieces = null;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          if (begun.byteLength > 0) controller.enqueue(begun);
          if (this.#fault !== null) controller.error(this.#fault);
          else if (this.#hasEnded) controller.close();
          else this.#controller = controller;
          this.#source.bodyWanted();
        },
        pull: () => {
          if (this.#controller !== null) this.#enqueuePieces();
          this.#source.resumeBody();
        },
        cancel: () => {
          this.drop();
          this.#source.resumeBody();
        },
      },
      { highWaterMark: BUFFERED_BYTES, size: (bytes) => bytes?.byteLength ?? 0 },
    );
  }
}
