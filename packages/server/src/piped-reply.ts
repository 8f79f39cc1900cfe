import type { BodyPieces, PieceSink } from "@catena/upstream";
import type { StreamSink } from "./streamed-reply.ts";

const LAST_CHUNK = "0\r\n\r\n";

/**
 * Sends the pieces of a body as they arrive, those that arrive together in one write: in chunks
 * (RFC 9112 §7.1), or as they are. No promise and no stream is between the two sockets.
 */
export class PipedReply implements PieceSink {
  readonly #source: BodyPieces;
  readonly #sink: StreamSink;
  readonly #isChunked: boolean;
  /** The head until it is written, then what stands before the held pieces. */
  #words: string;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes that were announced and have yet to come; infinite when none were. */
  #left: number;
  #isStalled = false;
  #isOver = false;

  /** @param declared bytes that the head announces; negative for none. */
  constructor(
    head: string,
    source: BodyPieces,
    sink: StreamSink,
    declared: number,
    isOld: boolean,
  ) {
    this.#words = head;
    this.#source = source;
    this.#sink = sink;
    this.#isChunked = declared < 0 && !isOld;
    this.#left = declared < 0 ? Number.POSITIVE_INFINITY : declared;
  }

  begin(): void {
    this.#source.flow(this);
  }

  piece(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.byteLength;
  }

  flush(): boolean {
    if (this.#isOver || (this.#heldBytes === 0 && this.#words === "")) return !this.#isStalled;
    this.#left -= this.#heldBytes;
    if (this.#left < 0) this.#giveUp();
    else this.#write("");
    return !this.#isStalled;
  }

  ended(): void {
    if (this.#isOver) return;
    this.#left -= this.#heldBytes;
    // More or less than was announced: the next reply would be read as part of this one.
    if (this.#left !== 0 && this.#left !== Number.POSITIVE_INFINITY) {
      this.#giveUp();
      return;
    }
    this.#write(this.#isChunked ? LAST_CHUNK : "");
    // A write that finds the connection gone ends it.
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.streamEnded();
  }

  failed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.streamFailed();
  }

  drained(): void {
    this.#isStalled = false;
    if (!this.#isOver) this.#source.resume();
  }

  /** Nobody takes it any more. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source.cancel();
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#source.cancel();
    this.#sink.streamFailed();
  }

  #write(behind: string): void {
    const held = this.#held;
    const bytes = this.#heldBytes;
    let before = this.#words;
    let after = behind;
    if (this.#isChunked && bytes > 0) {
      before += `${bytes.toString(16)}\r\n`;
      after = `\r\n${behind}`;
    }
    this.#words = "";
    this.#held = [];
    this.#heldBytes = 0;
    const [only] = held;
    if (before === "" && after === "" && held.length === 1 && only !== undefined) {
      this.#isStalled = !this.#sink.sendPiece(only);
      return;
    }
    const size = before.length + bytes + after.length;
    if (size === 0) return;
    const all = Buffer.allocUnsafe(size);
    let at = all.write(before, 0, "latin1");
    for (const piece of held) {
      all.set(piece, at);
      at += piece.byteLength;
    }
    all.write(after, at, "latin1");
    this.#isStalled = !this.#sink.sendPiece(all);
  }
}
