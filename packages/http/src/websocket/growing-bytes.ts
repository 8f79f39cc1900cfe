const EMPTY = Buffer.alloc(0);

/**
 * Bytes that come in pieces. A copy of each, so that pieces of one byte do not keep a buffer each;
 * room is doubled, and never made for what was only announced.
 */
export class GrowingBytes {
  length = 0;
  #room: Buffer = EMPTY;

  append(chunk: Buffer, from: number, to: number): void {
    const length = this.length + to - from;
    if (length > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length));
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
