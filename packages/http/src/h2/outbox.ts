/** Where bytes of a connection go. */
export interface ByteTaker {
  /**
   * @returns how many bytes were taken; the rest is to be written again once it drained. Negative when
   *   the connection is gone.
   */
  write(bytes: Uint8Array): number;
}

/** Bytes that wait for the socket; above this, no more data is put in front of it. */
const CONGESTED_BYTES = 131_072;
/** Pieces up to here are copied into one write. */
const ONE_WRITE_BYTES = 65_536;

/** What a connection has to send and its socket has not taken. */
export class Outbox {
  readonly #socket: ByteTaker;
  #pieces: Uint8Array[] = [];
  #isBlocked = false;
  /** Bytes that wait. */
  size = 0;

  constructor(socket: ByteTaker) {
    this.#socket = socket;
  }

  /** Whether data should wait, so that other streams and what is urgent get their turn. */
  get isCongested(): boolean {
    return this.size > CONGESTED_BYTES;
  }

  put(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.size += bytes.byteLength;
  }

  /** The socket has room again. */
  drained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  /** Writes as much as the socket takes. */
  flush(): void {
    while (!this.#isBlocked && this.#pieces.length > 0) {
      const piece = this.#next();
      const taken = this.#socket.write(piece);
      if (taken < 0) {
        this.#pieces = [];
        this.size = 0;
        return;
      }
      this.size -= taken;
      if (taken === piece.byteLength) continue;
      this.#pieces.unshift(piece.subarray(taken));
      this.#isBlocked = true;
    }
  }

  /** The first piece, with the small ones behind it. */
  #next(): Uint8Array {
    const pieces = this.#pieces;
    const first = pieces[0] ?? NOTHING;
    let count = 1;
    let bytes = first.byteLength;
    while (count < pieces.length) {
      bytes += pieces[count]?.byteLength ?? 0;
      if (bytes > ONE_WRITE_BYTES) break;
      count += 1;
    }
    const taken = pieces.splice(0, count);
    return count === 1 ? first : Buffer.concat(taken);
  }
}

const NOTHING = new Uint8Array(0);
