import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { plainAddress } from "@catena/expr";
import { type ClientConnection, idleSeconds, type ServerHandle } from "@catena/pipeline";
import type { ListenAddress } from "../listen.ts";
import type { WebSocketSession } from "../websocket/session.ts";
import type { InnerServer, InnerServers } from "./inner-servers.ts";
import type { TlsSession } from "./tls-session.ts";

export interface TlsConnectionOptions {
  readonly servers: InnerServers;
  /** Where the client reached us. */
  readonly address: ListenAddress;
  readonly session: TlsSession;
}

/** Longest time that one side may go on without the other, in milliseconds. */
const noticeMs = 2000;

/**
 * One connection after its handshake: passes on what was decrypted to a server of its own, and back
 * what that answers (docs/decisions/0010-tls-ends-before-the-server.md). Requests see it as the server.
 */
export class TlsConnection implements ServerHandle, ClientConnection {
  readonly tls: TlsSession;
  readonly hostname: string;
  readonly port: number;
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<void>;
  readonly #client: TLSSocket;
  readonly #peer: { readonly address: string; readonly port: number };
  readonly #server: InnerServer;
  #isStopping = false;
  /** Since when one side is left alone, or a client that is has taken nothing of what it has yet to get. */
  #aloneAt = Number.POSITIVE_INFINITY;
  #lastLeft = 0;
  readonly #inside: Socket;

  /** @throws Error when no server can be made, for want of files say */
  constructor(client: TLSSocket, options: TlsConnectionOptions) {
    const { servers, address, session } = options;
    this.tls = session;
    this.hostname = address.hostname;
    this.port = address.port;
    this.#client = client;
    this.#peer = { address: client.remoteAddress ?? "", port: client.remotePort ?? 0 };
    this.#server = servers.take(this, client.alpnProtocol === "h2");
    this.#inside = this.#server.connect();
    this.ended = this.#relay().then((isRead) =>
      servers.giveBack(this.#server, isRead && !this.#isStopping),
    );
  }

  get remoteAddress(): string {
    return plainAddress(this.#peer.address);
  }

  get remotePort(): number {
    return this.#peer.port;
  }

  requestIP(): { readonly address: string; readonly port: number } {
    return this.#peer;
  }

  timeout(request: Request, seconds: number): void {
    this.#server.timeout(request, seconds);
  }

  upgrade(request: Request, options: { headers: Headers; data: WebSocketSession }): boolean {
    return this.#server.upgrade(request, options);
  }

  /** Lets requests in flight end; with `force`, drops them. */
  async stop(force: boolean): Promise<void> {
    this.#isStopping = true;
    if (force) this.#client.destroy();
    await this.#server.stop(force);
    await this.ended;
  }

  /** Gives up a side that does not notice that the other is gone; to be asked now and then. */
  sweep(now: number): void {
    const { writableLength: left } = this.#client;
    if (left !== this.#lastLeft && this.#aloneAt < now) this.#aloneAt = now;
    this.#lastLeft = left;
    if (now - this.#aloneAt < (left > 0 ? idleSeconds * 1000 : noticeMs)) return;
    this.#inside.destroy();
    this.#client.destroy();
  }

  /**
   * Each side waits for the other to take what it was sent.
   *
   * @returns when both are closed, whether the server has read everything it was sent.
   */
  #relay(): Promise<boolean> {
    const [client, inside] = [this.#client, this.#inside];
    client.pipe(inside);
    inside.pipe(client);
    return new Promise((resolve) => {
      let isRead = false;
      let open = 2;
      const closed = () => {
        open--;
        if (open === 0) resolve(isRead);
      };
      // What a server sends last it sends after it has read all: the end that it was sent, too.
      inside.once("end", () => {
        isRead = true;
      });
      inside.on("error", () => client.destroy());
      inside.once("close", () => {
        if (!isRead) client.destroy();
        // What the client still sends, a WebSocket's Close frame say, goes nowhere; unread it would keep
        // the client's end from being seen.
        else client.resume();
        this.#aloneAt = performance.now();
        closed();
      });
      client.once("close", () => {
        inside.end();
        // Nobody takes what comes yet, and an end that is not read is not seen.
        inside.resume();
        this.#aloneAt = performance.now();
        closed();
      });
    });
  }
}
