import type { CancelScope } from "./cancel-scope.ts";

/**
 * Carries one HTTP call to one origin. Implementations: `fetch` (portable), `wire` (HTTP/1.1 over
 * `Bun.connect`) and `h2` (HTTP/2 over the same). A transport knows nothing of nodes, retries to other
 * nodes, or plugins.
 */
export interface Transport {
  readonly name: string;
  /**
   * Sends a request and resolves when the status and headers are there; with `buffered`, when the
   * whole body is.
   *
   * @throws UPSTREAM_* of `errors.ts`; every one has `details.sent`: `false` only when it is certain
   *   that the peer saw no byte of the request.
   */
  send(call: UpstreamCall): Promise<UpstreamReply>;
  /** As {@link send}, without a promise: whoever makes one call after another needs none for each. */
  start(call: UpstreamCall, receiver: ReplyReceiver): void;
  /** Open connections and calls in flight, for `/status`, metrics and leak tests. */
  stats(): TransportStats;
  /** Closes idle connections at once, the others when their call ends. */
  close(): Promise<void>;
}

/** A place to connect to, compiled once per snapshot and shared by all its calls. */
export interface Origin {
  /** Identifies the connection pool: equal keys may share connections. */
  readonly key: string;
  readonly scheme: OriginScheme;
  /** IP address to connect to, or a name that the system resolves; IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** Present for `https` and `grpcs`. */
  readonly tls?: OriginTls;
  readonly keepalive: KeepalivePolicy;
}

/** What is spoken: HTTP/1.1, or HTTP/2 for `grpc` and, over TLS, `grpcs`. */
export type OriginScheme = "http" | "https" | "grpc" | "grpcs";

export interface OriginTls {
  /** SNI, and the name the certificate must carry; absent for an IP literal. */
  readonly serverName?: string;
  /** `false` accepts any certificate (APISIX's behaviour; ours is `true` unless configured). */
  readonly verify: boolean;
  /** PEM. */
  readonly ca?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

export interface KeepalivePolicy {
  /** Idle connections kept per origin; 0 closes after every call. */
  readonly size: number;
  readonly idleMs: number;
  /** A connection is closed after this many calls. */
  readonly requests: number;
}

export type CallBody = string | Uint8Array | ReadableStream<Uint8Array> | null;

export interface UpstreamCall {
  readonly origin: Origin;
  /** An HTTP token, upper case; validated when the call was compiled. */
  readonly method: string;
  /** Path and query, already encoded, starting with `/`. */
  readonly target: string;
  /**
   * Flat list `[name, value, name, value, …]`, `Host` included. Hop-by-hop headers, `Content-Length`
   * and `Transfer-Encoding` must not be in it: the transport writes the framing.
   */
  readonly headers: readonly string[];
  /** Given by callers that send the same method, target and headers again and again. */
  readonly sharedHead?: SharedHead | undefined;
  /** Request line and headers in words that were checked, each line with its CRLF, where there are such. */
  readonly words?: string | null;
  readonly body: CallBody;
  readonly timeouts: CallTimeouts;
  /** `performance.now()` milliseconds after which the call ends; `Infinity` for none. */
  readonly deadlineAt: number;
  /** Larger response bodies end the call with UPSTREAM_TOO_LARGE and the connection is closed. */
  readonly maxBodyBytes: number;
  /** Resolve with the whole body as bytes instead of a stream. */
  readonly buffered: boolean;
  /** Ends the call early; `null` when nothing can. */
  readonly cancel: CancelScope | null;
  /**
   * Called once when a call that was begun is over: its body was read, it failed or was given up. A
   * call that is refused before it begins does not call it.
   */
  readonly onEnd?: (() => void) | null;
  /** Whether a stale pooled connection may be replaced by a new one after bytes were sent (RFC 9110 §9.2.2). */
  readonly idempotent: boolean;
}

/** Where a transport keeps how it words a method, target and headers that many calls share. */
export interface SharedHead {
  words: string | null;
}

/** Milliseconds for connecting, between two writes, and between two reads, as nginx's `proxy_*_timeout`. */
export interface CallTimeouts {
  readonly connectMs: number;
  readonly sendMs: number;
  readonly readMs: number;
}

export interface UpstreamReply {
  readonly status: number;
  /** Flat list in the order received, repeated names kept apart, names as the upstream wrote them. */
  readonly headers: readonly string[];
  /**
   * `null`: there is no body (HEAD, 204, 304). Bytes when buffered or when all of it came with the
   * head. A stream otherwise: it fails if the upstream cuts the body short, never ends cleanly then.
   */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /**
   * The text of a body of bytes without a byte order mark, cheaper than decoding `body`; `null` when it
   * is not UTF-8. Not on every reply.
   */
  text?(): string | null;
  /**
   * What came behind the body (RFC 9110 §6.5) as a flat list, once the body was read to its end; empty
   * before. Only of HTTP/2.
   */
  trailers?(): readonly string[];
  /** A body that is still on its way, to be taken instead of `body`; else `null`. Not on every reply. */
  pieces?(): BodyPieces | null;
  /** The text of a short body of bytes that is ASCII; else `null`. Not on every reply. */
  asciiText?(): string | null;
  /** The header lines as they go to a client, where they can be passed on so. Not on every reply. */
  returnedLines?(): ReturnedLines | null;
}

/** Takes the pieces of a body as they arrive. */
export interface PieceSink {
  /** Of those that arrive together; the bytes are the sink's to keep. */
  piece(bytes: Uint8Array): void;
  /** All that arrived together was given. @returns whether there is room for more. */
  flush(): boolean;
  /** The body is complete. */
  ended(): void;
  /** It was cut short. */
  failed(): void;
}

/** A body that is on its way: taken as pieces or as a stream, not both. */
export interface BodyPieces {
  readonly readable: ReadableStream<Uint8Array>;
  /** Gives what is here, and from now on what comes. */
  flow(sink: PieceSink): void;
  /** The sink has room again. */
  resume(): void;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** Header lines of an upstream, without those that end at this hop and those that tell the framing. */
export interface ReturnedLines {
  /** Each line with its CRLF; ASCII. */
  readonly text: string;
  /** Whether a `Date` is among them. */
  readonly isDated: boolean;
  /** `Content-Length`; -1 when there was none. */
  readonly declared: number;
}

/** Takes the outcome of a call, which may be before the call was begun; must not throw. */
export interface ReplyReceiver {
  resolve(reply: UpstreamReply): void;
  reject(error: unknown): void;
}

export interface TransportStats {
  readonly openConnections: number;
  readonly idleConnections: number;
  readonly activeCalls: number;
}
