import type { Socket } from "bun";
import { type RawReply, readReplies } from "./read-replies.ts";

/** A client whose bytes a test writes and reads itself. Waits are on events, so time may be faked. */
export class RawClient {
  /** The server has closed its side, or all of the connection. */
  hasEnded = false;
  isClosed = false;
  /** Bytes that the network has taken. */
  sentBytes = 0;
  receivedBytes = 0;
  readonly #received: Buffer[] = [];
  readonly #keeps: boolean;
  readonly #out: Buffer[] = [];
  #isEnding = false;
  #socket: Socket<undefined> | null = null;
  readonly #waiting = new Set<() => void>();

  private constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** @param keeps whether what comes is kept; otherwise it is counted. */
  static async connect(port: number, keeps = true): Promise<RawClient> {
    const client = new RawClient(keeps);
    client.#socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        data: (_, chunk) => client.#take(chunk),
        drain: () => client.#flush(),
        end: () => {
          client.hasEnded = true;
          client.#changed();
        },
        close: () => {
          client.hasEnded = true;
          client.isClosed = true;
          client.#changed();
        },
        error: () => {},
      },
    });
    return client;
  }

  #take(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.#keeps) this.#received.push(chunk);
    this.#changed();
  }

  /** Everything received so far, latin1. */
  get received(): string {
    return Buffer.concat(this.#received).toString("latin1");
  }

  /** What was received, as replies to requests with these methods; `GET` for those not named. */
  replies(...methods: readonly string[]): readonly RawReply[] {
    return readReplies(Buffer.concat(this.#received), methods, this.hasEnded);
  }

  /** Sends bytes as they are, latin1 for text, when there is room for them. */
  write(bytes: string | Buffer): void {
    this.#out.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    this.#flush();
  }

  /** Bytes that were given to {@link write} and not taken. */
  get backlog(): number {
    return this.#out.reduce((sum, piece) => sum + piece.length, 0);
  }

  #flush(): void {
    for (let piece = this.#out[0]; piece !== undefined; piece = this.#out[0]) {
      const taken = Math.max(0, this.#socket?.write(piece) ?? 0);
      this.sentBytes += taken;
      if (taken < piece.length) {
        this.#out[0] = piece.subarray(taken);
        return;
      }
      this.#out.shift();
    }
    if (this.#isEnding) this.#socket?.shutdown();
  }

  /** Closes this side behind what was written; the other one may go on. */
  endSending(): void {
    this.#isEnding = true;
    this.#flush();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Closes in order. */
  close(): void {
    this.#socket?.end();
  }

  /** Closes with a reset. */
  reset(): void {
    this.#socket?.terminate();
  }

  /** Waits until it holds; asked again whenever something arrives. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** Waits for so many whole replies, interim ones aside. */
  async answered(count: number, ...methods: readonly string[]): Promise<readonly RawReply[]> {
    const final = () =>
      this.replies(...methods).filter(({ status, isWhole }) => status >= 200 && isWhole);
    await this.until(() => final().length >= count || this.hasEnded);
    return final();
  }

  /** Waits for the server to end the connection, and gives all replies. */
  async ended(...methods: readonly string[]): Promise<readonly RawReply[]> {
    await this.until(() => this.hasEnded);
    return this.replies(...methods);
  }
}
