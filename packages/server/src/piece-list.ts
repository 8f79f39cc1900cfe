/** Pieces up to this are copied together: each on its own takes 150 bytes beside what it has. */
export const SMALL_PIECE_BYTES = 512;
/** Room for small pieces that is made at once. */
const ROOM_BYTES = 4_096;

/**
 * Pieces of a body in order. A client that sends its body byte by byte, in chunks or frames of one, makes
 * us keep not much more than these bytes.
 */
export class PieceList {
  readonly #pieces: Buffer[] = [];
  #length = 0;
  /** The last of the pieces, where it was made here, and how much of it is taken. */
  #room: Buffer | null = null;
  #used = 0;

  /** Bytes of all pieces. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer, from: number, to: number): void {
    const bytes = to - from;
    this.#length += bytes;
    if (bytes > SMALL_PIECE_BYTES) {
      this.#closeRoom();
      this.#pieces.push(chunk.subarray(from, to));
      return;
    }
    if (this.#room === null || this.#room.length - this.#used < bytes) {
      this.#closeRoom();
      this.#room = Buffer.allocUnsafeSlow(ROOM_BYTES);
    }
    this.#used += chunk.copy(this.#room, this.#used, from, to);
  }

  /** All pieces, to which none may be added any more. */
  take(): readonly Buffer[] {
    this.#closeRoom();
    return this.#pieces;
  }

  #closeRoom(): void {
    if (this.#room !== null) this.#pieces.push(this.#room.subarray(0, this.#used));
    this.#room = null;
    this.#used = 0;
  }
}
