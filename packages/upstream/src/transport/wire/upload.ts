import { frameChunk, LAST_CHUNK } from "@catena/http";

/** What an upload asks of its connection. */
export interface UploadSink {
  /** @returns whether all was taken; otherwise {@link Upload.drained} is called when it was. */
  sendPiece(bytes: Uint8Array): boolean;
  /** Nothing to send at the moment: waiting for the source is not the peer's fault. */
  awaitSource(): void;
  requestSent(): void;
  sourceFailed(): void;
}

/** Sends a body whose length is not known, in chunks (RFC 9112 §7.1), as fast as the peer takes it. */
export class Upload {
  readonly #reader: ReturnType<typeof readerOf>;
  readonly #sink: UploadSink;
  #waiting: PromiseWithResolvers<void> | null = null;
  #stopped = false;

  constructor(body: ReadableStream<Uint8Array>, sink: UploadSink) {
    this.#reader = readerOf(body);
    this.#sink = sink;
  }

  async run(): Promise<void> {
    try {
      while (!this.#stopped) {
        this.#sink.awaitSource();
        const { done, value } = await this.#reader.read();
        if (this.#stopped) return;
        // An empty chunk would end the body.
        if (!done && value.byteLength === 0) continue;
        if (!this.#sink.sendPiece(done ? LAST_CHUNK : frameChunk(value)))
          await this.#untilDrained();
        if (!done) continue;
        if (!this.#stopped) this.#sink.requestSent();
        return;
      }
    } catch {
      if (!this.#stopped) this.#sink.sourceFailed();
    }
  }

  drained(): void {
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  /** The call is over: tells the source that the rest is not wanted. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
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
