import { createWebSocketUpgrader, ServerConnections } from "@catena/server";
import { createFetchAnswer } from "../edge/answer-fetch.ts";
import { createWireAnswer } from "../edge/answer-wire.ts";
import type { ResponseOptions } from "../edge/to-response.ts";
import { parseListen } from "../listen.ts";
import type { HandlerOptions } from "../request/handle-request.ts";
import type { Settings } from "../settings/settings.ts";
import { runtimeHandlers } from "../websocket/runtime-handlers.ts";
import type { Certificates } from "./certificates.ts";
import { ClientGate } from "./client-gate.ts";
import { InnerServers } from "./inner-servers.ts";
import { TlsFront } from "./tls-front.ts";

export interface TlsListening {
  readonly settings: Settings;
  readonly certificates: Certificates;
  /** How requests in clear text are answered; those over TLS are answered alike. */
  readonly handling: Omit<HandlerOptions, "scheme">;
  readonly response: ResponseOptions;
  /** Whether other processes listen on the port, too. */
  readonly isShared: boolean;
}

/** @returns `null` where the settings allow no TLS. */
export function listenOverTls(listening: TlsListening): TlsFront | null {
  const { settings, certificates, response, isShared } = listening;
  const { tlsListen, ssl } = settings;
  if (tlsListen === null) return null;
  const address = parseListen(tlsListen);
  const forwarder = { ...listening.handling.forwarder, serverPort: address.port };
  const handling: HandlerOptions = {
    ...listening.handling,
    matcher: new ClientGate(listening.handling.matcher, certificates),
    forwarder,
    scheme: "https",
  };
  const webSockets = handling.webSockets.handlers();
  const connections =
    settings.server === "wire"
      ? new ServerConnections({
          ...address,
          answer: createWireAnswer(handling, response),
          webSockets: createWebSocketUpgrader(webSockets),
          http2: ssl.http2,
          replies: response,
        })
      : null;
  return new TlsFront({
    address,
    certificates,
    fallbackName: ssl.fallbackSni?.toLowerCase().replace(/\.$/, "") ?? null,
    servers: new InnerServers({
      handle: createFetchAnswer(handling, response),
      websocket: runtimeHandlers(webSockets),
      http2: ssl.http2,
    }),
    connections,
    maxConnections: settings.maxConnections,
    isShared,
    onListening: (port) => {
      // Known only now when the port was left to the system.
      forwarder.serverPort = port;
      if (connections !== null) connections.port = port;
    },
    log: handling.log,
  });
}
