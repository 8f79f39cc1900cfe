import type { BodyPieces, PieceSink } from "@catena/upstream";

/** A body whose pieces the test gives; it notes what is asked of it. */
export class PieceSource implements BodyPieces {
  readonly asked: string[] = [];
  sink: PieceSink | null = null;
  readonly #begun: (sink: PieceSink) => void;

  /** @param begun gives what is there when the body is taken; nothing is said behind it. */
  constructor(begun: (sink: PieceSink) => void = (sink) => void sink.flush()) {
    this.#begun = begun;
  }

  get readable(): ReadableStream<Uint8Array> {
    throw new Error("it is taken as pieces");
  }
  flow(sink: PieceSink): void {
    this.sink = sink;
    this.#begun(sink);
  }
  resume(): void {
    this.asked.push("resume");
  }
  cancel(): void {
    this.asked.push("cancel");
  }
  /** Gives pieces that arrived together. */
  give(...pieces: readonly string[]): boolean {
    for (const piece of pieces) this.sink?.piece(Buffer.from(piece, "latin1"));
    return this.sink?.flush() ?? false;
  }
}
