import type { Socket } from "bun";
import { ResponseReader } from "./response-reader.ts";

/** What became of one request. `socket` covers refused, reset and unreadable. */
export type CallEnd = "ok" | "status" | "socket" | "timeout";

/** One keep-alive connection that carries one request at a time. */
export class LoadConnection {
  readonly #reader = new ResponseReader();
  readonly #onIdle: (connection: LoadConnection) => void;
  #socket: Socket | null = null;
  #unsent: Uint8Array | null = null;
  #finish: ((end: CallEnd) => void) | null = null;

  constructor(onIdle: (connection: LoadConnection) => void) {
    this.#onIdle = onIdle;
  }

  /** Connects when needed, sends, and reports exactly once. */
  send(port: number, request: Uint8Array, finish: (end: CallEnd) => void): void {
    this.#finish = finish;
    this.#reader.reset();
    this.#unsent = request;
    if (this.#socket === null) this.#connect(port);
    else this.#flush();
  }

  /** Ends the request in flight, if there is one, and the connection with it. */
  abandon(end: CallEnd): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.terminate();
    this.#end(end);
  }

  #connect(port: number): void {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          if (this.#finish === null || this.#socket !== null) socket.terminate();
          else {
            this.#socket = socket;
            socket.setNoDelay(true);
            this.#flush();
          }
        },
        drain: () => this.#flush(),
        data: (socket, bytes) => {
          if (socket === this.#socket) this.#take(bytes);
        },
        close: (socket) => {
          if (socket === this.#socket) this.#closed();
        },
        error: (socket) => {
          if (socket === this.#socket) this.abandon("socket");
        },
        connectError: () => this.abandon("socket"),
      },
    }).catch(() => this.abandon("socket"));
  }

  #flush(): void {
    if (this.#unsent === null || this.#socket === null) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(Math.max(0, sent)) : null;
  }

  #take(bytes: Uint8Array): void {
    if (this.#finish === null) {
      this.abandon("socket");
      return;
    }
    try {
      if (!this.#reader.push(bytes)) return;
    } catch {
      this.abandon("socket");
      return;
    }
    const end = this.#reader.status >= 200 && this.#reader.status < 300 ? "ok" : "status";
    if (this.#reader.keepAlive) this.#end(end);
    else this.abandon(end);
  }

  #closed(): void {
    this.#socket = null;
    if (this.#finish === null) return;
    const complete = this.#reader.endsWithConnection;
    const good = this.#reader.status >= 200 && this.#reader.status < 300;
    this.#end(complete ? (good ? "ok" : "status") : "socket");
  }

  #end(end: CallEnd): void {
    const finish = this.#finish;
    if (finish === null) return;
    this.#finish = null;
    this.#unsent = null;
    finish(end);
    this.#onIdle(this);
  }
}
