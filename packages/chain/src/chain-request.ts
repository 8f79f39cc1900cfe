import type { CallBody, CancelScope, UpstreamReply } from "@catena/upstream";

/**
 * What a chain sees of the client's request. The gateway's request context implements it; tests and
 * `@catena/testing` give a plain object.
 */
export interface ChainRequest {
  readonly id: string;
  readonly method: string;
  /** Normalised path, without the query. */
  readonly path: string;
  /** Raw query without `?`; empty when there is none. */
  readonly query: string;
  readonly clientAddress: string;
  /** Path parameters the matcher captured. */
  readonly params: Readonly<Record<string, string>>;
  /** First value of a header, name in lower case; `null` when absent. */
  header(name: string): string | null;
  /** Every header as a flat list `[name, value, …]`, for those who need all. */
  headerList(): readonly string[];
  /**
   * The body's bytes, read once and remembered; empty when there is none.
   * @throws CHAIN_REQUEST_TOO_LARGE (413) beyond `maxBytes`.
   */
  bodyBytes(maxBytes: number): Promise<Uint8Array>;
  /** `performance.now()` milliseconds by which everything must be over; `Infinity` for none. */
  readonly deadlineAt: number;
  /** Cancelled when the client leaves or the gateway stops. */
  readonly cancel: CancelScope;
}

/** One upstream call a step makes, before a node is chosen. */
export interface ChainCall {
  /** For errors, traces and metrics; never an internal URL. */
  readonly step: string;
  readonly method: string;
  /** Encoded path and query. */
  readonly target: string;
  /** Flat list without framing, hop-by-hop and `Host` headers. */
  readonly headers: readonly string[];
  readonly body: CallBody;
  /** Milliseconds for this attempt, already cut to what is left of the deadline. */
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly maxBodyBytes: number;
  /** `false` streams the reply's body. */
  readonly buffered: boolean;
  readonly idempotent: boolean;
  readonly cancel: CancelScope | null;
}

/**
 * A destination resolved when the chain was compiled: an `upstream_id`'s nodes or a fixed URI. It
 * belongs to the snapshot the chain was compiled for, so a request never mixes two configurations.
 */
export interface ChainTarget {
  /** @throws UPSTREAM_* */
  send(call: ChainCall): Promise<UpstreamReply>;
}

/** How a chain is compiled against a snapshot. Both return `null` for what does not exist. */
export interface TargetResolver {
  upstream(id: string): ChainTarget | null;
  /** `uri` is a checked `http(s)://host[:port][/base]`. */
  uri(uri: string): ChainTarget | null;
}

/** What a chain's run ends with. */
export type ChainOutcome =
  | {
      readonly kind: "reply";
      readonly status: number;
      /** Flat list `[name, value, …]`. */
      readonly headers: readonly string[];
      readonly body: CallBody;
    }
  | {
      /** Send the request on to the route's upstream with this body and these headers set. */
      readonly kind: "forward";
      readonly upstreamId: string | null;
      readonly body: CallBody;
      /** `null` keeps the client's. */
      readonly contentType: string | null;
      /** Flat list of headers to set; an empty value removes. */
      readonly setHeaders: readonly string[];
    };
