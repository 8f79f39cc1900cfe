import type { GatewayError } from "@catena/errors";
import type { CallBody, CancelScope } from "@catena/upstream";

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
   * @throws REQUEST_TOO_LARGE (413) beyond `maxBytes`.
   */
  bodyBytes(maxBytes: number): Promise<Uint8Array>;
  /**
   * The body as text, cheaper than decoding `bodyBytes`; the same limit.
   * @throws REQUEST_TOO_LARGE (413), REQUEST_NOT_UTF8 (400).
   */
  bodyText(maxBytes: number): string | Promise<string>;
  /** `performance.now()` milliseconds by which everything must be over; `Infinity` for none. */
  readonly deadlineAt: number;
  /** Cancelled when the client leaves or the gateway stops. */
  readonly cancel: CancelScope;
}

export type { CallTarget as ChainTarget, TargetResolver } from "@catena/pipeline";

/** What a chain's run ends with. */
export type ChainOutcome =
  | {
      readonly kind: "reply";
      readonly status: number;
      /** Flat list `[name, value, …]`. */
      readonly headers: readonly string[];
      readonly body: CallBody;
      /** Why the chain failed, when it did; for the log and metrics, never for the client. */
      readonly error?: GatewayError;
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
      /** `performance.now()` milliseconds by which the upstream must have answered. */
      readonly deadlineAt?: number;
      /**
       * Present when steps were made that have an undo: must be called once the request was sent on,
       * with whether the upstream took it (a status below 400). Otherwise the steps are undone.
       * Never rejects.
       */
      readonly settle?: (isAccepted: boolean) => Promise<void>;
    };
