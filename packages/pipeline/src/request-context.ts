import type { RequestView, TlsView } from "@catena/expr";
import type { CallBody } from "@catena/upstream";
import { CancelScope } from "@catena/upstream";
import type { ClientRequest } from "./client-request.ts";
import type { Consumer } from "./consumer.ts";
import { decode } from "./fetch-body.ts";
import { HeaderEdits } from "./header-edits.ts";
import { noHandlers, type PhaseHandlers } from "./phase.ts";
import type { GatewayReply } from "./reply.ts";
import { Sending } from "./sending.ts";

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

/** Addresses a listener has that say nothing of the one a client reached. */
const wildcards = new Set(["0.0.0.0", "::"]);

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Everything known of one request. All fields are assigned in the constructor in one order, so that
 * every context has the same shape; what is not always needed is read on first use.
 */
export class RequestContext implements RequestView {
  readonly request: ClientRequest;
  readonly method: string;
  readonly rawHost: string;
  readonly host: string;
  path: string;
  readonly rawTarget: string;
  /** Raw query without `?`; plugins may take out what nobody behind them is to see. */
  query: string;
  readonly scheme: "http" | "https";
  /** `performance.now()` at arrival. */
  readonly startedAt: number;
  params: Readonly<Record<string, string>>;
  /** The pattern of the route that matched, for metrics. */
  matchedUri: string;
  routeId: string;
  routeName: string;
  serviceId: string;
  serviceName: string;
  /** The plugins in effect: the route's, and from the access phase on the consumer's as well. */
  handlers: PhaseHandlers;
  /** Set by the auth plugin that identified somebody. */
  consumer: Consumer | null;
  /** The reply, from the response phases on. */
  reply: GatewayReply | null;
  /** Method towards the upstream; plugins may replace it. */
  upstreamMethod: string;
  /** Replaces the client's `Host` where the upstream passes it on; `null` leaves it. */
  upstreamHost: string | null;
  /** Path and query for the upstream; plugins may replace it. */
  upstreamTarget: string;
  /** The client's body as text, for variables; `null` until a plugin that needs it has read it. */
  knownBody: string | null;
  /** Whether a condition asked for a body that was not read yet. */
  bodyWanted: boolean;
  /** Replaces the client's body towards the upstream; `undefined` leaves the client's. */
  upstreamBody: CallBody | undefined;
  /** What plugins changed of the headers towards the upstream. */
  headerEdits: HeaderEdits | null;
  /** Plugins that another one ran in their place: they leave the request alone; `null` for none. */
  skippedPlugins: ReadonlySet<string> | null;
  /** Set by {@link decideSending}; `null` for the route's upstream as it is. */
  sending: Sending | null;
  /** `performance.now()` by which everything must be over. */
  deadlineAt: number;
  readonly cancel: CancelScope;
  /** Place in the gateway's list of requests in flight; -1 while not in it. Kept by the list alone. */
  inFlightSlot: number;
  /** Whether the request took long enough for its client to be watched. */
  isWatched: boolean;
  #id: string | null;
  #client: { readonly address: string; readonly port: number } | null;
  #replyHeaders: string[] | null;
  #headers: readonly string[] | null;
  #bytes: Promise<Uint8Array> | null;
  #text: string | Promise<string> | null;

  constructor(
    request: ClientRequest,
    scheme: "http" | "https",
    target: RequestTarget,
    startedAt: number,
  ) {
    this.request = request;
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
    this.routeName = "";
    this.serviceId = "";
    this.serviceName = "";
    this.handlers = noHandlers;
    this.consumer = null;
    this.reply = null;
    this.upstreamMethod = request.method;
    this.upstreamHost = null;
    this.upstreamTarget = target.rawTarget;
    this.knownBody = null;
    this.bodyWanted = false;
    this.upstreamBody = undefined;
    this.headerEdits = null;
    this.skippedPlugins = null;
    this.sending = null;
    this.deadlineAt = Number.POSITIVE_INFINITY;
    this.cancel = new CancelScope();
    this.inFlightSlot = -1;
    this.isWatched = false;
    this.#id = null;
    this.#client = null;
    this.#replyHeaders = null;
    this.#headers = null;
    this.#bytes = null;
    this.#text = null;
  }

  /** Random, for logs and error bodies. */
  get id(): string {
    this.#id ??= crypto.randomUUID();
    return this.#id;
  }

  /** Address of the client: the peer's, unless a plugin learned of another. */
  get clientAddress(): string {
    return this.#client?.address ?? this.request.connection.remoteAddress;
  }

  /** 0 when it is not known. */
  get clientPort(): number {
    return this.#client?.port ?? this.request.connection.remotePort;
  }

  /** Address of the other end of the connection; empty when it is gone already. */
  get peerAddress(): string {
    return this.request.connection.remoteAddress;
  }

  /** Where the client reached us; empty for a listener on all addresses. */
  get serverAddress(): string {
    const { hostname = "" } = this.request.connection;
    return wildcards.has(hostname) ? "" : hostname;
  }

  get serverPort(): number {
    return this.request.connection.port ?? 0;
  }

  get tls(): TlsView | null {
    return this.request.connection.tls ?? null;
  }

  /** Takes back what the route that matched before has left. */
  forgetRoute(): void {
    this.params = noParams;
    this.matchedUri = "";
    this.routeId = "";
    this.routeName = "";
    this.serviceId = "";
    this.serviceName = "";
  }

  /** Names another client than the peer: what a trusted proxy said. */
  setClient(address: string, port: number): void {
    this.#client = { address, port };
  }

  /** A request header as plugins left it, name in lower case; `null` when absent. */
  header(name: string): string | null {
    const value = this.request.header(name);
    return this.headerEdits === null ? value : this.headerEdits.read(name, value);
  }

  /** Every request header as plugins left it, as a flat list; values of a repeated name joined. */
  headerList(): readonly string[] {
    const headers = this.clientHeaders();
    return this.headerEdits === null ? headers : this.headerEdits.apply(headers);
  }

  /** Every header as the client sent it: a flat list, names in lower case. */
  clientHeaders(): readonly string[] {
    this.#headers ??= this.request.headers();
    return this.#headers;
  }

  /** Whether the client declared a body. */
  get hasBody(): boolean {
    return this.request.hasBody;
  }

  /** Told by conditions that depend on the body; see {@link bodyWanted}. */
  wantBody(): void {
    if (this.hasBody) this.bodyWanted = true;
  }

  /**
   * The client's body, read once and remembered.
   * @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST
   */
  bodyBytes(maxBytes: number): Promise<Uint8Array> {
    if (this.#bytes === null) {
      const text = this.#text;
      this.#bytes = text === null ? this.request.readBytes(maxBytes) : encode(text);
    }
    return this.#bytes;
  }

  /**
   * The client's body as text, read once and remembered; at once when it is here already.
   * @throws REQUEST_TOO_LARGE, REQUEST_NOT_UTF8, REQUEST_BODY_LOST
   */
  bodyText(maxBytes: number): string | Promise<string> {
    if (this.#text === null) {
      this.#text =
        this.#bytes === null
          ? this.request.readText(maxBytes)
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
    if (value === "") this.editHeaders().remove(name);
    else this.editHeaders().set(name, value);
  }

  /** The edits of the headers towards the upstream, to add to them. */
  editHeaders(): HeaderEdits {
    this.headerEdits ??= new HeaderEdits();
    return this.headerEdits;
  }

  /** What is decided about how the request is sent on, to decide more. */
  decideSending(): Sending {
    this.sending ??= new Sending();
    return this.sending;
  }

  /** Adds a header to the reply, whoever will give it; one set before by that name is replaced. */
  setReplyHeader(name: string, value: string): void {
    if (this.#replyHeaders === null) {
      this.#replyHeaders = [name, value];
      return;
    }
    for (let i = 0; i < this.#replyHeaders.length; i += 2) {
      if (this.#replyHeaders[i] !== name) continue;
      this.#replyHeaders[i + 1] = value;
      return;
    }
    this.#replyHeaders.push(name, value);
  }

  /** Takes the reply into the response phases, with the headers that were set for it before. */
  beginReply(reply: GatewayReply): void {
    this.reply = reply;
    const added = this.#replyHeaders;
    if (added === null) return;
    if (reply.addHeaders === undefined) reply.headers.push(...added);
    else reply.addHeaders(added);
  }
}

async function encode(text: string | Promise<string>): Promise<Uint8Array> {
  return new TextEncoder().encode(await text);
}
