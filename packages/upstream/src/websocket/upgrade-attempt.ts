import { DeadlineSweep } from "@catena/http";
import type {
  ReplyReceiver,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "../transport/transport.ts";
import { Handshake } from "./handshake.ts";
import type { UpstreamWebSocket, WebSocketLimits } from "./upstream-web-socket.ts";

/** Opens WebSockets to upstreams; one per process, because its connections share a timer. */
export interface WebSocketDialer {
  /**
   * For one request of a client.
   * @param onClosed called once after the WebSocket is over; never when there was none.
   */
  attempt(limits: WebSocketLimits, onClosed: () => void): UpgradeAttempt;
}

export function createWebSocketDialer(): WebSocketDialer {
  const sweep = new DeadlineSweep();
  return { attempt: (limits, onClosed) => new UpgradeAttempt(sweep, limits, onClosed) };
}

/**
 * A transport for the handshake of one WebSocket, which it asks of one node after another as it is
 * given them. A call resolves with status 101 when the upstream agreed, and {@link socket} is there
 * then; with the upstream's reply when it did not. Every try has a connection of its own.
 */
export class UpgradeAttempt implements Transport {
  readonly name = "upgrade";
  /** The open WebSocket, closed again after 5 s in which nobody listens to it. */
  socket: UpstreamWebSocket | null = null;
  readonly #sweep: DeadlineSweep;
  readonly #limits: WebSocketLimits;
  readonly #onClosed: () => void;
  #activeCalls = 0;

  constructor(sweep: DeadlineSweep, limits: WebSocketLimits, onClosed: () => void) {
    this.#sweep = sweep;
    this.#limits = limits;
    this.#onClosed = onClosed;
  }

  send(call: UpstreamCall): Promise<UpstreamReply> {
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamReply>();
    this.start(call, { resolve, reject });
    return promise;
  }

  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    this.#activeCalls += 1;
    const handshake = new Handshake(call, receiver, this.#sweep, this.#limits, {
      onSwitch: (socket) => {
        this.socket = socket;
      },
      onOver: () => {
        this.#activeCalls -= 1;
        if (this.socket !== null) this.#onClosed();
      },
    });
    handshake.begin();
  }

  stats(): TransportStats {
    const openConnections = this.#activeCalls;
    return { openConnections, idleConnections: 0, activeCalls: openConnections };
  }

  async close(): Promise<void> {
    this.socket?.terminate();
  }
}
