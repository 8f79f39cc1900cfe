import { frameChunk, LAST_CHUNK } from "@catena/http";

/** What a streamed reply asks of the writer it goes through. */
export interface StreamSink {
  /** @returns whether all was taken; otherwise {@link StreamedReply.drained} is called when it was. */
  sendPiece(bytes: Uint8Array): boolean;
  /** The reply is complete. */
  streamEnded(): void;
  /** It can't be completed, which the client must be able to tell. */
  streamFailed(): void;
}

/** Sends a body as it comes, as fast as the client takes it: in chunks (RFC 9112 §7.1), or as it is. */
export class StreamedReply {
  readonly #reader: ReturnType<typeof readerOf>;
  readonly #sink: StreamSink;
  readonly #isChunked: boolean;
  /** Bytes that were announced and have yet to come; infinite when none were. */
  #left: number;
  #waiting: PromiseWithResolvers<void> | null = null;
  #isStopped = false;

  /** @param declared bytes that the head announces; negative for none. */
  constructor(
    body: ReadableStream<Uint8Array>,
    sink: StreamSink,
    isChunked: boolean,
    declared: number,
  ) {
    this.#reader = readerOf(body);
    this.#sink = sink;
    this.#isChunked = isChunked;
    this.#left = declared < 0 ? Number.POSITIVE_INFINITY : declared;
  }

  async run(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (this.#isStopped) return;
        if (done) break;
        // An empty chunk would end the body.
        if (value.byteLength === 0) continue;
        this.#left -= value.byteLength;
        if (this.#left < 0) break;
        if (!this.#sink.sendPiece(this.#isChunked ? frameChunk(value) : value))
          await this.#untilDrained();
        if (this.#isStopped) return;
      }
    } catch {
      // The source failed, which whoever gave it knows.
      this.#left = -1;
    }
    if (this.#isStopped) return;
    this.#isStopped = true;
    // More or less than was announced: the next reply would be read as part of this one.
    if (this.#left !== 0 && this.#left !== Number.POSITIVE_INFINITY) {
      this.#reader.cancel().catch(ignore);
      this.#sink.streamFailed();
    } else {
      if (this.#isChunked) this.#sink.sendPiece(LAST_CHUNK);
      this.#sink.streamEnded();
    }
  }

  drained(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  /** Nobody takes it any more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.drained();
    this.#reader.cancel().catch(ignore);
  }

  #untilDrained(): Promise<void> {
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }
}

const readerOf = (body: ReadableStream<Uint8Array>) => body.getReader();

/** The source's own trouble with being cancelled concerns nobody any more. */
const ignore = (): void => {};
