import type { GatewayError } from "@catena/errors";
import type { BodyPieces, PieceSink } from "../transport.ts";

/** What a body asks of the connection that fills it. */
export interface ReplySource {
  /** The reader has room again. */
  resumeReading(): void;
  /** The reader does not want the rest. */
  abandonReply(): void;
}

/** Bytes buffered for a slow reader before the socket is paused. */
const BUFFERED_BYTES = 65_536;

/**
 * A reply body handed out before all of it has arrived: as pieces to whoever takes them as they come,
 * else as a stream, which costs some microseconds and a promise per piece.
 */
export class ReplyStream implements BodyPieces {
  readonly #source: ReplySource;
  #sink: PieceSink | null = null;
  #readable: ReadableStream<Uint8Array> | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** What came before somebody took it. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  #ended = false;
  #fault: GatewayError | null = null;

  constructor(source: ReplySource) {
    this.#source = source;
  }

  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= this.#makeReadable();
    return this.#readable;
  }

  #makeReadable(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          for (const bytes of this.#takeBegun()) controller.enqueue(bytes);
          if (this.#fault !== null) controller.error(this.#fault);
          else if (this.#ended) controller.close();
          else this.#controller = controller;
        },
        pull: () => this.#source.resumeReading(),
        cancel: () => this.cancel(),
      },
      { highWaterMark: BUFFERED_BYTES, size: (bytes) => bytes?.byteLength ?? 0 },
    );
  }

  flow(sink: PieceSink): void {
    for (const bytes of this.#takeBegun()) sink.piece(bytes);
    if (this.#fault !== null) sink.failed();
    else if (this.#ended) sink.ended();
    else {
      this.#sink = sink;
      if (sink.flush()) this.#source.resumeReading();
    }
  }

  resume(): void {
    this.#source.resumeReading();
  }

  cancel(): void {
    if (this.#ended) return;
    this.#begun = [];
    // The sink gave it up and hears no more of it. Who takes it later, or reads the stream, is not to
    // find it complete: its end is the failure that the source makes of this.
    this.#sink = null;
    this.#source.abandonReply();
    this.#ended = true;
  }

  #takeBegun(): readonly Uint8Array[] {
    const begun = this.#begun;
    this.#begun = [];
    this.#begunBytes = 0;
    return begun;
  }

  push(bytes: Uint8Array): void {
    if (this.#ended || bytes.byteLength === 0) return;
    if (this.#sink !== null) this.#sink.piece(bytes);
    else if (this.#controller !== null) this.#controller.enqueue(bytes);
    else {
      this.#begun.push(bytes);
      this.#begunBytes += bytes.byteLength;
    }
  }

  /** What arrived together was pushed. @returns whether the reader keeps up; else reading is to stop. */
  flush(): boolean {
    if (this.#ended) return true;
    if (this.#sink !== null) return this.#sink.flush();
    if (this.#controller !== null) return (this.#controller.desiredSize ?? 0) > 0;
    return this.#begunBytes < BUFFERED_BYTES;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sink?.ended();
    this.#controller?.close();
  }

  /** It fails for its reader: a body cut short never looks complete. */
  fail(error: GatewayError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fault = error;
    this.#sink?.failed();
    this.#controller?.error(error);
  }
}
