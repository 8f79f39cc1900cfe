import type { ListenAddress } from "../listen.ts";
import type { HandlerOptions } from "../request/handle-request.ts";
import type { Settings } from "../settings/settings.ts";
import type { WebSocketRelay } from "../websocket/relay.ts";
import { runtimeHandlers } from "../websocket/runtime-handlers.ts";
import { createFetchAnswer } from "./answer-fetch.ts";
import { listenElysia } from "./elysia-edge.ts";
import type { ResponseOptions } from "./to-response.ts";
import { listenWire } from "./wire-edge.ts";

/** A listening data plane. */
export interface DataPlane {
  readonly port: number;
  /** Stops accepting and waits for requests in flight; with `force`, drops them. */
  stop(force: boolean): Promise<void>;
}

/** What the listeners of a gateway share. */
export interface EdgeOptions {
  readonly address: ListenAddress;
  readonly handling: HandlerOptions;
  readonly response: ResponseOptions;
  readonly webSockets: WebSocketRelay;
  /** Whether other processes listen on the port, too. */
  readonly isShared: boolean;
}

/**
 * Listens for clients in clear text, with the server that the settings name: ours, or the runtime's
 * under Elysia (docs/decisions/0014-our-own-http-server.md).
 *
 * @throws LISTEN_FAILED when the address is taken or not allowed.
 */
export function listenDataPlane(options: EdgeOptions, settings: Settings): DataPlane {
  if (settings.server === "wire") return listenWire(options, settings.maxConnections);
  const answer = createFetchAnswer(options.handling, options.response);
  const webSockets = runtimeHandlers(options.webSockets.handlers());
  return listenElysia(options.address, answer, webSockets, options.isShared);
}
