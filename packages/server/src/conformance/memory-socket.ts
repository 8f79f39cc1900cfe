import type { ByteSocket, SocketListener } from "../byte-socket.ts";

/** A socket whose other end is the test, and which takes as much of each write as the test says. */
export class MemorySocket implements ByteSocket {
  isEnded = false;
  isTerminated = false;
  isPaused = false;
  readonly #taken: Buffer[] = [];
  readonly #perWrite: number;
  #isFull = false;

  /** @param perWrite bytes of each write that are taken; then it is full until {@link drain}. */
  constructor(perWrite: number) {
    this.#perWrite = perWrite;
  }

  /** Everything that was taken, latin1; the date is left out. */
  get text(): string {
    return Buffer.concat(this.#taken)
      .toString("latin1")
      .replaceAll(/date: [^\r]*/g, "date");
  }

  write(data: string | Uint8Array): number {
    if (this.isEnded || this.isTerminated) return -1;
    if (this.#isFull) return 0;
    const piece = data.slice(0, this.#perWrite);
    this.#taken.push(typeof piece === "string" ? Buffer.from(piece, "latin1") : Buffer.from(piece));
    this.#isFull = piece.length < data.length;
    return piece.length;
  }

  /** Makes room again as often as there is something to write. */
  async drain(listener: SocketListener): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (this.#isFull) {
        quiet = 0;
        this.#isFull = false;
        listener.socketDrained();
      }
    }
  }

  end(): void {
    this.isEnded = true;
  }

  shutdown(): void {
    this.isEnded = true;
  }

  terminate(): void {
    this.isTerminated = true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}
