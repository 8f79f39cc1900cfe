import { DeadlineSweep } from "@catena/http";
import type { ByteSocket, SocketListener } from "../byte-socket.ts";
import type { AnswerRequest, Peer } from "../connection-owner.ts";
import { H2Connection, type H2ConnectionOwner } from "./h2-connection.ts";

/** The listener they come over; looked at for every reply. */
export interface H2Listener {
  readonly hostname: string;
  readonly port: number;
  readonly answer: AnswerRequest;
  readonly serverHeader: string;
  readonly closing: boolean;
}

/** The connections of one listener that speak HTTP/2, wherever their bytes come from. */
export class H2Connections implements H2ConnectionOwner {
  readonly sweep = new DeadlineSweep();
  readonly #listener: H2Listener;
  readonly #connections = new Set<H2Connection>();
  #isStopping = false;
  #whenEmpty: PromiseWithResolvers<void> | null = null;

  constructor(listener: H2Listener) {
    this.#listener = listener;
  }

  get answer(): AnswerRequest {
    return this.#listener.answer;
  }

  get hostname(): string {
    return this.#listener.hostname;
  }

  get port(): number {
    return this.#listener.port;
  }

  get size(): number {
    return this.#connections.size;
  }

  get serverHeader(): string {
    return this.#listener.serverHeader;
  }

  get closing(): boolean {
    return this.#isStopping || this.#listener.closing;
  }

  /** Takes a connection from its first byte on, the client's preface. */
  open(socket: ByteSocket, peer: Peer): SocketListener {
    const connection = new H2Connection(socket, this, peer);
    this.#connections.add(connection);
    this.sweep.add(connection);
    return connection;
  }

  closed(connection: H2Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.resolve();
  }

  /** Lets requests in flight end; with `force`, drops them. */
  async stop(force: boolean): Promise<void> {
    this.#isStopping = true;
    for (const connection of [...this.#connections]) {
      if (force) connection.destroy();
      else connection.stop();
    }
    if (this.#connections.size === 0) return;
    this.#whenEmpty ??= Promise.withResolvers<void>();
    await this.#whenEmpty.promise;
  }
}
