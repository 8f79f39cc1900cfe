import { parseListen } from "../listen.ts";
import { createRequestHandler, type HandlerOptions } from "../request/handle-request.ts";
import type { Settings } from "../settings/settings.ts";
import type { Certificates } from "./certificates.ts";
import { ClientGate } from "./client-gate.ts";
import { InnerServers } from "./inner-servers.ts";
import { TlsFront } from "./tls-front.ts";

export interface TlsListening {
  readonly settings: Settings;
  readonly certificates: Certificates;
  /** How requests in clear text are answered; those over TLS are answered alike. */
  readonly handling: Omit<HandlerOptions, "scheme">;
  /** Whether other processes listen on the port, too. */
  readonly isShared: boolean;
}

/** @returns `null` where the settings allow no TLS. */
export function listenOverTls(listening: TlsListening): TlsFront | null {
  const { settings, certificates, handling, isShared } = listening;
  const { tlsListen, ssl } = settings;
  if (tlsListen === null) return null;
  const address = parseListen(tlsListen);
  const forwarder = { ...handling.forwarder, serverPort: address.port };
  const handle = createRequestHandler({
    ...handling,
    matcher: new ClientGate(handling.matcher, certificates),
    forwarder,
    scheme: "https",
  });
  const websocket = handling.webSockets.handlers();
  return new TlsFront({
    address,
    certificates,
    fallbackName: ssl.fallbackSni?.toLowerCase().replace(/\.$/, "") ?? null,
    servers: new InnerServers({ handle, websocket, http2: ssl.http2 }),
    isShared,
    onListening: (port) => {
      // Known only now when the port was left to the system.
      forwarder.serverPort = port;
    },
    log: handling.log,
  });
}
