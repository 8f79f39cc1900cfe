import type { X509Certificate } from "node:crypto";

/** Who was identified as asking. */
export interface ConsumerView {
  readonly name: string;
  /** Empty when the consumer is in no group. */
  readonly groupId: string;
}

/** What is known of a connection over TLS. */
export interface TlsView {
  /** The name that the client asked for, or the one that is assumed when it names none. */
  readonly serverName: string;
  /** `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  readonly isReused: boolean;
  /** nginx's `$ssl_client_verify`; `NONE`: there is no certificate, or nobody asked for one. */
  readonly clientVerify: "NONE" | "SUCCESS" | `FAILED:${string}`;
  /** The client's, verified or not; `null` when it showed none. */
  readonly clientCertificate: X509Certificate | null;
}

/** What the response phases know of the reply. */
export interface ReplyView {
  readonly status: number;
  /** Flat list `[name, value, …]`. */
  readonly headers: readonly string[];
  /** `upstream` when a service answered, `gateway` when we did. */
  readonly source: "gateway" | "upstream";
}

/**
 * What variables and predicates may see of a request. Reading must be cheap and free of side
 * effects: predicates run while a route is looked for. Empty strings mean "not known".
 */
export interface RequestView {
  readonly method: string;
  /** `Host` as sent, with port. */
  readonly rawHost: string;
  /** Lower case, without port. */
  readonly host: string;
  /** Decoded and normalised path (nginx `$uri`). */
  readonly path: string;
  /** Path and query as sent. */
  readonly rawTarget: string;
  /** Raw query without `?`. */
  readonly query: string;
  readonly scheme: "http" | "https";
  /** `null` or absent for a connection in clear text. */
  readonly tls?: TlsView | null;
  readonly id: string;
  /** `performance.now()` at arrival. */
  readonly startedAt: number;
  /** The client; the peer, unless a trusted proxy named somebody else. */
  readonly clientAddress: string;
  /** 0 when not known. */
  readonly clientPort: number;
  /** Who holds the other end of the connection. */
  readonly peerAddress: string;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** What the path pattern captured. */
  readonly params: Readonly<Record<string, string>>;
  readonly routeId: string;
  readonly routeName: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly consumer: ConsumerView | null;
  /** Only in the response phases. */
  readonly reply: ReplyView | null;
  /** The request's body, once somebody who needs it has read it. */
  readonly knownBody?: string | null;
  /** Tells that an answer depends on the body; who asked reads it and asks again. */
  wantBody?(): void;
  /** A request header by its name in lower case, values of a repeated name joined. */
  header(name: string): string | null;
}
