/** What a queue writes to; takes as much as there is room for, negative when it is gone. */
export interface ByteTaker {
  write(bytes: Uint8Array): number;
}

/** Bytes on their way to a socket, in order; keeps what that has no room for. */
export class SendQueue {
  /** Bytes that were not taken yet. */
  length = 0;
  readonly #taker: ByteTaker;
  #pieces: Uint8Array[] = [];

  constructor(taker: ByteTaker) {
    this.#taker = taker;
  }

  /**
   * @param bytes are not copied, and must not change any more.
   * @returns whether all of them were taken.
   */
  send(bytes: Uint8Array): boolean {
    const taken = this.length > 0 ? 0 : Math.max(0, this.#taker.write(bytes));
    if (taken === bytes.byteLength) return true;
    this.#pieces.push(taken === 0 ? bytes : bytes.subarray(taken));
    this.length += bytes.byteLength - taken;
    return false;
  }

  /**
   * Room to write again.
   *
   * @returns whether anything was taken.
   */
  drain(): boolean {
    const before = this.length;
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      const taken = Math.max(0, this.#taker.write(piece));
      this.length -= taken;
      if (taken < piece.byteLength) {
        this.#pieces[0] = piece.subarray(taken);
        break;
      }
      this.#pieces.shift();
    }
    return this.length < before;
  }

  /** Forgets what was not taken. */
  clear(): void {
    this.#pieces = [];
    this.length = 0;
  }
}
