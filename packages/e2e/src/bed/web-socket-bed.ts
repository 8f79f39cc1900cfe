import type { PartialSettings } from "@catena/gateway";
import { type GatewayBed, startGatewayBed, until } from "./gateway-bed.ts";
import {
  openRawWebSocket,
  type RawWebSocket,
  type RawWebSocketServer,
  startRawWebSocketServer,
  switching,
} from "./raw-web-socket.ts";
import { startSqlite } from "./stores.ts";

/** Both ends of a WebSocket through the gateway. */
export interface Pair {
  readonly client: RawWebSocket;
  readonly server: RawWebSocket;
}

/** A gateway, an upstream of WebSockets, and a route `/ws/*` between them. */
export interface WebSocketBed {
  readonly bed: GatewayBed;
  readonly storeUrl: string;
  readonly upstream: RawWebSocketServer;
  /** What the upstream answers a handshake with; set anew for each test. */
  reply: (head: string) => string;
  /** Writes the route, with what is given besides its own and in place of it. */
  serve(extra?: object, upstreamExtra?: object): Promise<void>;
  open(path?: string, lines?: readonly string[]): Promise<Pair>;
  close(pair: Pair): Promise<void>;
  /** Waits until no connection and no session is left, as no test leaves one. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a {@link WebSocketBed}. */
export async function startWebSocketBed(settings: PartialSettings = {}): Promise<WebSocketBed> {
  const storeBed = await startSqlite();
  const bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
  const upstream = await startRawWebSocketServer({ reply: (head) => all.reply(head) });
  const all: WebSocketBed = {
    bed,
    storeUrl: storeBed.url,
    upstream,
    reply: switching,
    serve: (extra = {}, upstreamExtra = {}) =>
      bed.put({
        "routes/ws": {
          uri: "/ws/*",
          enable_websocket: true,
          upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 }, ...upstreamExtra },
          ...extra,
        },
      }),
    open: async (path = "/ws/chat", lines = []) => {
      const [client, server] = await Promise.all([
        openRawWebSocket(`${bed.url}${path}`, lines),
        upstream.accepted(),
      ]);
      if (!client.head.startsWith("HTTP/1.1 101 ")) throw new Error(client.head);
      return { client, server };
    },
    close: async ({ client, server }) => {
      client.close(1000);
      await Promise.all([client.ended, server.ended]);
    },
    settle: async () => {
      all.reply = switching;
      upstream.forget();
      await until(
        () => upstream.openCount === 0 && bed.gateway.status().websockets === 0,
        () => `${upstream.openCount} upstream, ${bed.gateway.status().websockets} sessions`,
      );
    },
    stop: async () => {
      await upstream.stop();
      await bed.stop();
      await storeBed.stop();
    },
  };
  return all;
}

/** The value of a header of a head, `null` when it is not there. */
export const headerOf = (head: string, name: string): string | null =>
  new RegExp(`^${name}: *(.*)\\r$`, "im").exec(head)?.[1] ?? null;

/** The status of a reply's head. */
export const statusOf = (head: string): number => Number(head.slice(9, 12));
