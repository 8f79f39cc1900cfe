import { plainAddress } from "@catena/expr";
import type { ClientConnection, ClientRequest } from "./client-request.ts";
import { readBodyBytes, readBodyText } from "./fetch-body.ts";

/** The part of Bun's server a request needs. */
export interface ServerHandle {
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
  timeout(request: Request, seconds: number): void;
  /** Switches a request's connection to a WebSocket; `data` is the socket's. Bun adds the handshake. */
  upgrade?(
    request: Request,
    options: { readonly headers: Headers; readonly data: object },
  ): boolean;
  /** Where it listens, as far as it is bound to one address and port. */
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
}

/** The connection of a server that does not say more of it. */
class ServedConnection implements ClientConnection {
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly #request: Request;
  readonly #server: ServerHandle;
  #peer: { readonly address: string; readonly port: number } | null = null;

  constructor(request: Request, server: ServerHandle) {
    this.hostname = server.hostname;
    this.port = server.port;
    this.#request = request;
    this.#server = server;
  }

  get remoteAddress(): string {
    return this.#knownPeer().address;
  }

  get remotePort(): number {
    return this.#knownPeer().port;
  }

  #knownPeer(): { readonly address: string; readonly port: number } {
    if (this.#peer === null) {
      const peer = this.#server.requestIP(this.#request);
      // A dual-stack listener shows IPv4 clients as IPv6 ones.
      this.#peer =
        peer === null ? noPeer : { address: plainAddress(peer.address), port: peer.port };
    }
    return this.#peer;
  }
}

const noPeer = Object.freeze({ address: "", port: 0 });

/** Bun's `idleTimeout` of its listeners, in seconds; nginx's `client_header_timeout` is the same. */
export const idleSeconds = 60;

/** Longest a request may be silent towards its client: the most Bun's timer can hold, in seconds. */
const longestSeconds = 255;

/** A request of a server that speaks the fetch API's types. */
export class FetchRequest implements ClientRequest {
  readonly method: string;
  readonly connection: ClientConnection;
  /** The runtime keeps no lines. */
  readonly lines = null;
  readonly #request: Request;
  readonly #server: ServerHandle;

  /** @param connection what is known of it where the server does not know: behind a TLS front. */
  constructor(request: Request, server: ServerHandle, connection?: ClientConnection) {
    this.method = request.method;
    this.connection = connection ?? new ServedConnection(request, server);
    this.#request = request;
    this.#server = server;
  }

  get hasBody(): boolean {
    const { headers } = this.#request;
    const length = headers.get("content-length");
    return length === null ? headers.has("transfer-encoding") : length !== "0";
  }

  header(name: string): string | null {
    return this.#request.headers.get(name);
  }

  headers(): readonly string[] {
    const flat: string[] = [];
    this.#request.headers.forEach((value, name) => {
      flat.push(name, value);
    });
    return flat;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#request.body;
  }

  /** The runtime does not tell. */
  wholeBody(): null {
    return null;
  }

  readBytes(maxBytes: number): Promise<Uint8Array> {
    return readBodyBytes(this.#request, maxBytes);
  }

  readText(maxBytes: number): Promise<string> {
    return readBodyText(this.#request, maxBytes);
  }

  watch(onGone: () => void): void {
    const { signal } = this.#request;
    // It would end a working handler without a reply.
    this.#server.timeout(this.#request, longestSeconds);
    if (signal.aborted) onGone();
    else signal.addEventListener("abort", onGone, { once: true });
  }

  unwatch(): void {
    // The timer sticks to the connection; the next request on it must not inherit a long one.
    this.#server.timeout(this.#request, idleSeconds);
  }

  upgrade(headers: Headers, data: object): boolean {
    return this.#server.upgrade?.(this.#request, { headers, data }) ?? false;
  }
}
