import type { RequestView } from "@catena/expr";
import type { CallBody, CancelScope, ReplyReceiver, UpstreamReply } from "@catena/upstream";

/** One upstream call a plugin makes, before a node is chosen. */
export interface TargetCall {
  readonly method: string;
  /** Encoded path and query. */
  readonly target: string;
  /** Flat list without framing, hop-by-hop and `Host` headers. */
  readonly headers: readonly string[];
  /** In place of the destination's own `Host`, where a URI is called. */
  readonly host?: string;
  readonly body: CallBody;
  /** Milliseconds for this attempt, already cut to what is left of the deadline. */
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly maxBodyBytes: number;
  /** `false` streams the reply's body. */
  readonly buffered: boolean;
  readonly idempotent: boolean;
  readonly cancel: CancelScope | null;
  /** Whose request it is made for, for upstreams that hash; nobody's when it is not given. */
  readonly caller?: Caller | undefined;
}

/** What of a client's request a call may be placed by, beside what the call itself carries. */
export type Caller = Pick<RequestView, "clientAddress"> & Partial<RequestView>;

/**
 * A destination resolved when the configuration was compiled: an upstream's nodes or a fixed URI. It
 * belongs to one snapshot, so a request never mixes two configurations.
 */
export interface CallTarget {
  /** @throws UPSTREAM_* */
  send(call: TargetCall): Promise<UpstreamReply>;
  /** As {@link send}, without a promise: a chain makes one call after another. */
  start(call: TargetCall, receiver: ReplyReceiver): void;
}

/** Makes a destination of a function that sends. */
export function targetBySending(send: CallTarget["send"]): CallTarget {
  return {
    send,
    start: (call, receiver) => {
      send(call).then(
        (reply) => receiver.resolve(reply),
        (error: unknown) => receiver.reject(error),
      );
    },
  };
}

/** How a plugin finds its destinations. Both return `null` for what does not exist. */
export interface TargetResolver {
  upstream(id: string): CallTarget | null;
  /** `uri` is a checked `http(s)://host[:port][/base]`. */
  uri(uri: string, options?: UriOptions): CallTarget | null;
}

export interface UriOptions {
  /** Whether the certificate is verified; as the gateway's settings say when not given. */
  readonly verify?: boolean;
  /** Idle connections kept, and for how many milliseconds; the transport's own when not given. */
  readonly keepalive?: { readonly size: number; readonly idleMs: number };
}
