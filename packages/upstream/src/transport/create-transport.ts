import { createFetchTransport } from "./fetch-transport.ts";
import { createH2Transport } from "./h2/h2-transport.ts";
import type {
  ReplyReceiver,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "./transport.ts";
import { createWireTransport, type WireOptions } from "./wire/wire-transport.ts";

/** The transports of HTTP/1.1 by the names settings use; a new one is a line here. */
const transports = { wire: createWireTransport, fetch: createFetchTransport } as const;

export type TransportName = keyof typeof transports;

/**
 * Makes the transport a name stands for. Origins over `grpc` and `grpcs` are called by HTTP/2, whatever
 * the name.
 *
 * @param options of `wire` and HTTP/2; `fetch` has none and keeps to the runtime's own limits.
 */
export function createTransport(
  name: TransportName = "wire",
  options: WireOptions = {},
): Transport {
  return new SchemeTransport(transports[name](options), options);
}

/** Chooses by the origin's scheme. */
class SchemeTransport implements Transport {
  readonly name: string;
  readonly #http: Transport;
  readonly #h2: Transport;

  constructor(http: Transport, options: WireOptions) {
    this.name = http.name;
    this.#http = http;
    this.#h2 = createH2Transport(options);
  }

  send(call: UpstreamCall): Promise<UpstreamReply> {
    return this.#of(call).send(call);
  }

  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    this.#of(call).start(call, receiver);
  }

  stats(): TransportStats {
    const http = this.#http.stats();
    const h2 = this.#h2.stats();
    return {
      openConnections: http.openConnections + h2.openConnections,
      idleConnections: http.idleConnections + h2.idleConnections,
      activeCalls: http.activeCalls + h2.activeCalls,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#h2.close()]);
  }

  #of(call: UpstreamCall): Transport {
    const { scheme } = call.origin;
    return scheme === "http" || scheme === "https" ? this.#http : this.#h2;
  }
}
