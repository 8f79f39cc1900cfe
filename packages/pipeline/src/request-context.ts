import type { CallBody } from "@catena/upstream";
import { CancelScope } from "@catena/upstream";
import { decode, readBodyBytes, readBodyText } from "./request-body.ts";

/** The part of Bun's server a request needs. */
export interface ServerHandle {
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
  timeout(request: Request, seconds: number): void;
}

/** Where the parts of a request's URL are; made once, by the gateway's own target parser. */
export interface RequestTarget {
  /** `Host` header as sent, with port. */
  readonly rawHost: string;
  /** Lower case, without port and trailing dot. */
  readonly host: string;
  /** What routes are matched against: decoded once, dots resolved, slashes merged (nginx `$uri`). */
  readonly path: string;
  /** Path and query as the client sent them (as far as Bun tells), starting with `/`. */
  readonly rawTarget: string;
  /** Raw query without `?`; empty when there is none. */
  readonly query: string;
}

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Everything known of one request. All fields are assigned in the constructor in one order, so that
 * every context has the same shape; what is not always needed is read on first use.
 */
export class RequestContext {
  readonly request: Request;
  readonly server: ServerHandle;
  readonly method: string;
  readonly rawHost: string;
  readonly host: string;
  readonly path: string;
  readonly rawTarget: string;
  readonly query: string;
  readonly scheme: "http" | "https";
  /** `performance.now()` at arrival. */
  readonly startedAt: number;
  params: Readonly<Record<string, string>>;
  /** The pattern of the route that matched, for metrics. */
  matchedUri: string;
  routeId: string;
  /** Path and query for the upstream; plugins may replace it. */
  upstreamTarget: string;
  /** Replaces the client's body towards the upstream; `undefined` leaves the client's. */
  upstreamBody: CallBody | undefined;
  /** Flat list of headers to set towards the upstream; an empty value removes the header. */
  setUpstreamHeaders: string[] | null;
  /** `performance.now()` by which everything must be over. */
  deadlineAt: number;
  readonly cancel: CancelScope;
  #id: string | null;
  #clientAddress: string | null;
  #headers: readonly string[] | null;
  #bytes: Promise<Uint8Array> | null;
  #text: Promise<string> | null;

  constructor(
    request: Request,
    server: ServerHandle,
    scheme: "http" | "https",
    target: RequestTarget,
    startedAt: number,
  ) {
    this.request = request;
    this.server = server;
    this.method = request.method;
    this.rawHost = target.rawHost;
    this.host = target.host;
    this.path = target.path;
    this.rawTarget = target.rawTarget;
    this.query = target.query;
    this.scheme = scheme;
    this.startedAt = startedAt;
    this.params = noParams;
    this.matchedUri = "";
    this.routeId = "";
    this.upstreamTarget = target.rawTarget;
    this.upstreamBody = undefined;
    this.setUpstreamHeaders = null;
    this.deadlineAt = Number.POSITIVE_INFINITY;
    this.cancel = new CancelScope();
    this.#id = null;
    this.#clientAddress = null;
    this.#headers = null;
    this.#bytes = null;
    this.#text = null;
  }

  /** Random, for logs and error bodies. */
  get id(): string {
    this.#id ??= crypto.randomUUID();
    return this.#id;
  }

  /** Address of the peer; empty when it is gone already. */
  get clientAddress(): string {
    this.#clientAddress ??= this.server.requestIP(this.request)?.address ?? "";
    return this.#clientAddress;
  }

  /** First value of a request header, name in lower case; `null` when absent. */
  header(name: string): string | null {
    return this.request.headers.get(name);
  }

  /** Every request header as a flat list, names in lower case, values of a repeated name joined. */
  headerList(): readonly string[] {
    if (this.#headers === null) {
      const flat: string[] = [];
      this.request.headers.forEach((value, name) => {
        flat.push(name, value);
      });
      this.#headers = flat;
    }
    return this.#headers;
  }

  /** Whether the client declared a body. */
  get hasBody(): boolean {
    const { headers } = this.request;
    const length = headers.get("content-length");
    return length === null ? headers.has("transfer-encoding") : length !== "0";
  }

  /**
   * The client's body, read once and remembered.
   * @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST
   */
  bodyBytes(maxBytes: number): Promise<Uint8Array> {
    if (this.#bytes === null) {
      const text = this.#text;
      this.#bytes =
        text === null
          ? readBodyBytes(this.request, maxBytes)
          : text.then((value) => new TextEncoder().encode(value));
    }
    return this.#bytes;
  }

  /**
   * The client's body as text, read once and remembered.
   * @throws REQUEST_TOO_LARGE, REQUEST_NOT_UTF8, REQUEST_BODY_LOST
   */
  bodyText(maxBytes: number): Promise<string> {
    if (this.#text === null) {
      this.#text =
        this.#bytes === null
          ? readBodyText(this.request, maxBytes)
          : this.#bytes.then((bytes) => decode(bytes));
    }
    return this.#text;
  }

  /** Whether the body was read already, so that it can no longer be streamed. */
  get bodyRead(): boolean {
    return this.#bytes !== null || this.#text !== null;
  }

  /** Sets a header towards the upstream; an empty value removes it. */
  setUpstreamHeader(name: string, value: string): void {
    if (this.setUpstreamHeaders === null) this.setUpstreamHeaders = [name, value];
    else this.setUpstreamHeaders.push(name, value);
  }
}
