import { isGatewayError } from "@catena/errors";
import type { GatewayReply, RequestContext, Sending, UpstreamTry } from "@catena/pipeline";
import type {
  ReplyReceiver,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "@catena/upstream";
import type { RoutePlan } from "../config/route-plan.ts";
import { asksForWebSocket, type WebSocketRelay } from "../websocket/relay.ts";
import { type Forwarder, forward } from "./forward.ts";

/** Sends a request on of which a plugin decided where to, or whose tries a plugin wants to know. */
export function forwardAsDecided(
  ctx: RequestContext,
  plan: RoutePlan,
  { upstream, tries }: Sending,
  { forwarder, webSockets }: { readonly forwarder: Forwarder; readonly webSockets: WebSocketRelay },
): GatewayReply | Promise<GatewayReply> {
  const served = upstream === null ? plan : { ...plan, upstream };
  if (served.webSocket && asksForWebSocket(ctx)) return webSockets.forward(ctx, served, forwarder);
  if (tries === null) return forward(ctx, served, forwarder);
  return forward(ctx, served, {
    ...forwarder,
    transport: new NotingTransport(forwarder.transport, tries),
  });
}

/** Notes every call of one request. */
class NotingTransport implements Transport {
  readonly #transport: Transport;
  readonly #tries: UpstreamTry[];

  constructor(transport: Transport, tries: UpstreamTry[]) {
    this.#transport = transport;
    this.#tries = tries;
  }

  get name(): string {
    return this.#transport.name;
  }

  async send(call: UpstreamCall): Promise<UpstreamReply> {
    const noted = this.#begin(call);
    try {
      const reply = await this.#transport.send(call);
      end(noted, reply.status);
      return reply;
    } catch (error) {
      end(noted, statusOf(error));
      throw error;
    }
  }

  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    const noted = this.#begin(call);
    this.#transport.start(call, {
      resolve: (reply) => {
        end(noted, reply.status);
        receiver.resolve(reply);
      },
      reject: (error) => {
        end(noted, statusOf(error));
        receiver.reject(error);
      },
    });
  }

  stats(): TransportStats {
    return this.#transport.stats();
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  #begin({ origin }: UpstreamCall): UpstreamTry {
    const { address, port } = origin;
    const noted = { address, port, startedAt: performance.now(), headAt: null, status: null };
    this.#tries.push(noted);
    return noted;
  }
}

function end(noted: UpstreamTry, status: number): void {
  noted.headAt = performance.now();
  noted.status = status;
}

function statusOf(error: unknown): number {
  return isGatewayError(error) ? error.status : 502;
}
