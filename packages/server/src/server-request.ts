import type { HeaderLines } from "@catena/http";
import type { ClientConnection, ClientRequest } from "@catena/pipeline";
import type { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";

/** What a request asks of the connection it came over. */
export interface RequestOwner extends ClientConnection {
  /** Tells `onGone` when the client leaves while `request` has no reply; at once if it did. */
  watch(request: ServerRequest, onGone: () => void): void;
  unwatch(request: ServerRequest): void;
  upgrade(request: ServerRequest, headers: Headers, data: object): boolean;
}

const EMPTY = new Uint8Array(0);

/** A request of the server's; its parts are in the head, and in the body if it has one. */
export class ServerRequest implements ClientRequest {
  readonly method: string;
  readonly head: RequestHead;
  readonly requestBody: RequestBody | null;
  readonly #owner: RequestOwner;

  constructor(owner: RequestOwner, head: RequestHead, body: RequestBody | null) {
    this.method = head.method;
    this.head = head;
    this.requestBody = body;
    this.#owner = owner;
  }

  get connection(): ClientConnection {
    return this.#owner;
  }

  get hasBody(): boolean {
    return this.requestBody !== null;
  }

  header(name: string): string | null {
    const { headers } = this.head;
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i] === name) return headers[i + 1] as string;
    return null;
  }

  headers(): readonly string[] {
    return this.head.headers;
  }

  get lines(): HeaderLines | null {
    return this.head.lines;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.requestBody?.stream() ?? null;
  }

  wholeBody(): string | Uint8Array | null {
    return this.requestBody?.whole() ?? null;
  }

  readBytes(maxBytes: number): Promise<Uint8Array> {
    return this.requestBody?.readBytes(maxBytes) ?? Promise.resolve(EMPTY);
  }

  readText(maxBytes: number): string | Promise<string> {
    return this.requestBody?.readText(maxBytes) ?? "";
  }

  watch(onGone: () => void): void {
    this.#owner.watch(this, onGone);
  }

  unwatch(): void {
    this.#owner.unwatch(this);
  }

  upgrade(headers: Headers, data: object): boolean {
    return this.#owner.upgrade(this, headers, data);
  }
}
