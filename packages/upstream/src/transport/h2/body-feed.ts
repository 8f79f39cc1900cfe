/** What the sending of a body asks of its call. */
export interface FeedSink {
  /** @returns whether all was taken; otherwise {@link BodyFeed.drained} is called when it was. */
  sendPiece(bytes: Uint8Array, isLast: boolean): boolean;
  /** Nothing to send at the moment: waiting for the source is not the peer's fault. */
  awaitSource(): void;
  bodySent(): void;
  sourceFailed(): void;
}

/** Pieces a body is sent in, so that every one that is taken counts as progress: a frame. */
export const PIECE_BYTES = 16_384;

/** Sends a body, one piece after another, as fast as the peer takes it. */
export interface BodyFeed {
  run(): void;
  drained(): void;
  /** The call is over: tells the source that the rest is not wanted. */
  stop(): void;
}

/** Sends bytes from `at` on. */
export class BytesFeed implements BodyFeed {
  readonly #bytes: Uint8Array;
  readonly #sink: FeedSink;
  #at: number;

  constructor(bytes: Uint8Array, at: number, sink: FeedSink) {
    this.#bytes = bytes;
    this.#at = at;
    this.#sink = sink;
  }

  run(): void {
    const { byteLength } = this.#bytes;
    while (this.#at < byteLength) {
      const piece = this.#bytes.subarray(this.#at, this.#at + PIECE_BYTES);
      this.#at += piece.byteLength;
      if (!this.#sink.sendPiece(piece, this.#at === byteLength)) return;
    }
    this.#sink.bodySent();
  }

  drained(): void {
    this.run();
  }

  stop(): void {
    this.#at = this.#bytes.byteLength;
  }
}

/** Sends what a stream gives. */
export class StreamFeed implements BodyFeed {
  readonly #reader: ReturnType<typeof readerOf>;
  readonly #sink: FeedSink;
  #waiting: PromiseWithResolvers<void> | null = null;
  #isStopped = false;

  constructor(body: ReadableStream<Uint8Array>, sink: FeedSink) {
    this.#reader = readerOf(body);
    this.#sink = sink;
  }

  run(): void {
    this.#pass().catch(() => {
      if (!this.#isStopped) this.#sink.sourceFailed();
    });
  }

  drained(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.drained();
    this.#reader.cancel().catch(ignore);
  }

  async #pass(): Promise<void> {
    while (!this.#isStopped) {
      this.#sink.awaitSource();
      const { done, value } = await this.#reader.read();
      if (this.#isStopped) return;
      if (done) {
        await this.#send(NOTHING, true);
        if (!this.#isStopped) this.#sink.bodySent();
        return;
      }
      for (let at = 0; at < value.byteLength && !this.#isStopped; at += PIECE_BYTES)
        await this.#send(value.subarray(at, at + PIECE_BYTES), false);
    }
  }

  #send(piece: Uint8Array, isLast: boolean): Promise<void> | null {
    if (this.#sink.sendPiece(piece, isLast)) return null;
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }
}

const readerOf = (body: ReadableStream<Uint8Array>) => body.getReader();

/** The source's own trouble with being cancelled concerns nobody any more. */
const ignore = (): void => {};

const NOTHING = new Uint8Array(0);
