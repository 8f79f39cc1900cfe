const EMPTY = Buffer.alloc(0);

/** What is announced is believed up to this many times what came. */
const BELIEVED = 16;

/**
 * Bytes that come in pieces. A copy of each, so that pieces of one byte do not keep a buffer each; room
 * is doubled, or made for what was announced as far as some of that has come.
 */
export class GrowingBytes {
  length = 0;
  #room: Buffer = EMPTY;

  /** @param announced bytes that are said to come behind these. */
  append(chunk: Buffer, from: number, to: number, announced: number): void {
    const length = this.length + to - from;
    if (length > this.#room.length) {
      const expected = Math.min(length + announced, BELIEVED * length);
      const room = Buffer.allocUnsafeSlow(Math.max(expected, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.length);
      this.#room = room;
    }
    chunk.copy(this.#room, this.length, from, to);
    this.length = length;
  }

  /** All that came, which is then the caller's. */
  take(): Buffer {
    const bytes = this.#room.subarray(0, this.length);
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#room = EMPTY;
    this.length = 0;
  }
}
