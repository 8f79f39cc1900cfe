import { upstreamErrors } from "../../errors.ts";
import { checkCall } from "../call-guard.ts";
import { describeOrigin } from "../describe-origin.ts";
import type {
  ReplyReceiver,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "../transport.ts";
import { H2PoolGroup } from "./h2-pool.ts";

export interface H2Options {
  /** Connections to one origin at a time; a call beyond fails with UPSTREAM_REFUSED. Default 4096. */
  readonly maxConnections?: number;
}

/**
 * Makes the transport of HTTP/2 (RFC 9113) over the runtime's sockets, for origins over `grpc` (clear
 * text, prior knowledge) and `grpcs` (TLS, ALPN `h2`). Calls share connections as far as the server
 * allows; a reply's `trailers` are there when its body was read. The timeouts of the three phases are
 * told apart, to within 20 ms; `connectMs` includes waiting for the server's settings.
 */
export function createH2Transport(options: H2Options = {}): Transport {
  return new H2Transport(options.maxConnections ?? 4_096);
}

class H2Transport implements Transport {
  readonly name = "h2";
  readonly #group: H2PoolGroup;
  #closed: Promise<void> | null = null;

  constructor(maxConnections: number) {
    this.#group = new H2PoolGroup(maxConnections);
  }

  send(call: UpstreamCall): Promise<UpstreamReply> {
    const pending = Promise.withResolvers<UpstreamReply>();
    this.start(call, pending);
    return pending.promise;
  }

  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    const now = performance.now();
    const refused = checkCall(call, now);
    if (refused !== null) receiver.reject(refused);
    else if (this.#closed !== null) {
      const fault = { origin: describeOrigin(call.origin), sent: false, reason: "shutdown" };
      receiver.reject(upstreamErrors.UPSTREAM_CANCELLED(fault));
    } else this.#group.poolOf(call.origin).start(call, receiver, now);
  }

  stats(): TransportStats {
    return this.#group.stats();
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#group.close(resolve));
    return this.#closed;
  }
}
