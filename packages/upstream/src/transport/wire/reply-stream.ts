import type { GatewayError } from "@catena/errors";

/** What a body stream asks of the connection that fills it. */
export interface ReplySource {
  /** The reader has room again. */
  resumeReading(): void;
  /** The reader does not want the rest. */
  abandonReply(): void;
}

/** Bytes buffered for a slow reader before the socket is paused. */
const BUFFERED_BYTES = 65_536;

/** A reply body handed out before all of it has arrived. */
export class ReplyStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #source: ReplySource;
  // Assigned in `start`, which the ReadableStream constructor calls before it returns.
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #ended = false;

  constructor(source: ReplySource) {
    this.#source = source;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#source.resumeReading(),
        cancel: () => {
          this.#ended = true;
          this.#source.abandonReply();
        },
      },
      { highWaterMark: BUFFERED_BYTES, size: (bytes) => bytes?.byteLength ?? 0 },
    );
  }

  /** @returns whether the reader keeps up; otherwise reading should stop until it asks. */
  push(bytes: Uint8Array): boolean {
    if (this.#ended || bytes.byteLength === 0) return true;
    this.#controller.enqueue(bytes);
    return (this.#controller.desiredSize ?? 0) > 0;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#controller.close();
  }

  /** The stream fails for its reader: a body cut short never looks complete. */
  fail(error: GatewayError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#controller.error(error);
  }
}
