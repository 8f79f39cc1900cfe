import { recordsIn } from "@catena/chain";
import { checkExpression } from "@catena/expr";
import { plugins } from "@catena/plugins";
import type { ConfigStore } from "@catena/store";
import { findClientCertificate } from "./config/client-certificate.ts";
import { Configuration } from "./config/configuration.ts";
import { ResourceTable } from "./config/resource-table.ts";
import { ConfigSync } from "./config/sync.ts";
import { type GatewayStatus, listenControlPlane } from "./control/control-plane.ts";
import { listenDataPlane } from "./data-plane.ts";
import { type ListenAddress, parseListen } from "./listen.ts";
import type { Log } from "./log.ts";
import { createRequestHandler } from "./request/handle-request.ts";
import { InFlight } from "./request/in-flight.ts";
import type { Settings } from "./settings/settings.ts";
import { openUpstreamServices } from "./upstream-services.ts";

export interface GatewayOptions {
  readonly settings: Settings;
  /** Opened and closed by the caller. */
  readonly store: ConfigStore;
  readonly log: Log;
  /** 0 <= n < 1; spreads retries. */
  readonly random?: () => number;
}

/** A running gateway. */
export interface Gateway {
  readonly listen: ListenAddress;
  readonly controlListen: ListenAddress;
  /** Resolves when the store was listed for the first time. */
  readonly ready: Promise<void>;
  status(): GatewayStatus;
  /**
   * Stops gracefully: not ready any more, asks clients to close while draining, lets requests in
   * flight end, then ends what is left. A second call ends everything at once.
   */
  stop(): Promise<void>;
}

/** Version shown on `/status`. */
export const version = "0.1.0";

/**
 * Starts the data plane and the control API, and follows the store. It does not wait for the store:
 * until it answers, requests get 503 and `/status/ready` says why.
 *
 * @throws LISTEN_FAILED
 */
export function startGateway(options: GatewayOptions): Gateway {
  const { settings, store, log } = options;
  const table = new ResourceTable(settings.prefix, {
    registry: plugins.registry,
    checkExpression,
  });
  const upstreams = openUpstreamServices(settings, {
    clientCertificate: (id) => findClientCertificate(table, id),
    onHealthTurn: (turn) => log.warn("the health of a node changed", { ...turn }),
  });
  const { resolver, transport, runtime } = upstreams;
  const inFlight = new InFlight();
  const configuration = new Configuration({
    settings,
    table,
    resolver,
    transport,
    upstreams: runtime,
    records: recordsIn(store),
    log,
  });
  const sync = new ConfigSync({
    store,
    prefix: `${settings.prefix}/`,
    target: configuration,
    log,
    random: options.random ?? Math.random,
  });
  const response = { serverHeader: settings.serverHeader, closing: false };
  const forwarder = { transport, serverPort: parseListen(settings.listen).port, log };
  const handle = createRequestHandler({
    matcher: configuration,
    forwarder,
    inFlight,
    response,
    scheme: "http",
    log,
  });
  const dataPlane = listenDataPlane(parseListen(settings.listen), handle);
  forwarder.serverPort = dataPlane.port;
  let stopping = false;

  const notReady = (): string | null => {
    if (stopping) return "stopping";
    return configuration.loaded ? null : `no configuration yet: ${sync.state.reason}`;
  };
  const status = (): GatewayStatus => ({
    status: stopping ? "stopping" : stateOf(configuration, sync),
    version,
    store: { url: store.url, ...sync.state },
    ...configuration.describe(),
    requests_in_flight: inFlight.size,
    connections: {
      open: transport.stats().openConnections,
      idle: transport.stats().idleConnections,
    },
  });
  const controlPlane = listenControl();
  sync.start();

  function listenControl() {
    try {
      return listenControlPlane(parseListen(settings.controlListen), {
        source: configuration.controlSource(),
        status,
        notReady,
        acceptHeld: () => sync.acceptHeld(),
      });
    } catch (error) {
      void dataPlane.stop(true);
      throw error;
    }
  }

  async function stop(): Promise<void> {
    if (stopping) {
      inFlight.cancelAll();
      await dataPlane.stop(true);
      return;
    }
    stopping = true;
    response.closing = true;
    log.info("draining", { seconds: settings.drainSeconds });
    await Bun.sleep(settings.drainSeconds * 1000);
    const graceful = dataPlane.stop(false);
    const late = await Promise.race([
      graceful.then(() => false),
      Bun.sleep(settings.stopSeconds * 1000).then(() => true),
    ]);
    if (late) {
      log.warn("requests still in flight are given up", { count: inFlight.size });
      inFlight.cancelAll();
      await dataPlane.stop(true);
    }
    inFlight.stop();
    await sync.stop();
    await upstreams.close();
    await controlPlane.stop();
    log.info("stopped");
  }

  return {
    listen: { ...parseListen(settings.listen), port: dataPlane.port },
    controlListen: { ...parseListen(settings.controlListen), port: controlPlane.port },
    ready: sync.ready,
    status,
    stop,
  };
}

function stateOf(configuration: Configuration, sync: ConfigSync): GatewayStatus["status"] {
  if (!configuration.loaded) return "starting";
  const { connected, held } = sync.state;
  return connected && held === null ? "ok" : "degraded";
}
