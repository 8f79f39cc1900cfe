import type { TLSSocket } from "node:tls";
import type { ByteSocket, SocketListener } from "@catena/server";

/** A connection over TLS as our server takes it: what was decrypted, and what is to be encrypted. */
export class TlsByteSocket implements ByteSocket {
  readonly #socket: TLSSocket;
  /** Node's sockets take everything: this keeps a slow client from filling our memory. */
  #isFull = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  /** All that waits is with it, or nothing that would tell when it is gone. */
  get unsent(): number {
    return this.#isFull ? this.#socket.writableLength : 0;
  }

  /** Tells `listener` of what happens from now on. */
  follow(listener: SocketListener): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => listener.socketData(chunk));
    socket.on("drain", () => {
      this.#isFull = false;
      listener.socketDrained();
    });
    socket.on("close", () => listener.socketClosed());
  }

  write(data: string | Uint8Array): number {
    if (this.#isFull) return 0;
    this.#isFull = !this.#socket.write(data, "latin1");
    return data.length;
  }

  end(): void {
    this.#socket.end();
  }

  shutdown(): void {
    this.#socket.end();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
