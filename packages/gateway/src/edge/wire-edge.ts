import { createWebSocketUpgrader, listenHttp } from "@catena/server";
import { listenErrors } from "../listen.ts";
import { createWireAnswer } from "./answer-wire.ts";
import type { DataPlane, EdgeOptions } from "./data-plane.ts";

/**
 * Listens with our own server.
 *
 * @throws LISTEN_FAILED when the address is taken or not allowed.
 */
export function listenWire(options: EdgeOptions, maxConnections: number): DataPlane {
  const { address, handling, response, webSockets, isShared } = options;
  try {
    return listenHttp({
      ...address,
      isShared,
      maxConnections,
      answer: createWireAnswer(handling, response),
      webSockets: createWebSocketUpgrader(webSockets.handlers()),
      replies: response,
    });
  } catch (cause) {
    throw listenErrors.LISTEN_FAILED(
      {
        address: `${address.hostname}:${address.port}`,
        setting: "listen (CATENA_LISTEN)",
        reason: cause instanceof Error ? cause.message : String(cause),
      },
      cause,
    );
  }
}
