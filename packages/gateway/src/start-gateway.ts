import { recordsIn } from "@catena/chain";
import type { ConfigStore } from "@catena/store";
import { findClientCertificate } from "./config/client-certificate.ts";
import { Configuration } from "./config/configuration.ts";
import { openResources } from "./config/open-resources.ts";
import { ConfigSync } from "./config/sync.ts";
import {
  type ControlPlane,
  type GatewayStatus,
  listenControlPlane,
} from "./control/control-plane.ts";
import { TraceRing } from "./control/trace-ring.ts";
import { type DataPlane, listenDataPlane } from "./data-plane.ts";
import { type ListenAddress, parseListen } from "./listen.ts";
import type { Log } from "./log.ts";
import { createRequestHandler } from "./request/handle-request.ts";
import { InFlight } from "./request/in-flight.ts";
import type { Settings } from "./settings/settings.ts";
import { UndoSweeper } from "./undo-sweeper.ts";
import type { SecretBook } from "./secrets/secret-book.ts";
import { openUpstreamServices, type UpstreamServices } from "./upstream-services.ts";
import { WebSocketRelay } from "./websocket/relay.ts";

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
  return new RunningGateway(options);
}

class RunningGateway implements Gateway {
  readonly listen: ListenAddress;
  readonly controlListen: ListenAddress;
  readonly ready: Promise<void>;
  readonly #options: GatewayOptions;
  readonly #upstreams: UpstreamServices;
  readonly #configuration: Configuration;
  readonly #secrets: SecretBook;
  readonly #sync: ConfigSync;
  readonly #undoSweeper: UndoSweeper;
  readonly #traces: TraceRing | null;
  readonly #inFlight = new InFlight();
  readonly #webSockets: WebSocketRelay;
  readonly #response: { readonly serverHeader: string; closing: boolean };
  readonly #dataPlane: DataPlane;
  readonly #controlPlane: ControlPlane;
  #stopping = false;

  constructor(options: GatewayOptions) {
    const { settings, store, log, random = Math.random } = options;
    const prefix = `${settings.prefix}/`;
    this.#options = options;
    this.#webSockets = new WebSocketRelay({
      maxMessageBytes: settings.webSocket.messageBytes,
      log,
    });
    this.#response = { serverHeader: settings.serverHeader, closing: false };
    const table = openResources(settings, {
      log,
      onSecrets: () => this.#configuration.secretsChanged(),
    });
    this.#secrets = table.secrets;
    this.#upstreams = openUpstreamServices(settings, {
      clientCertificate: (id) => findClientCertificate(table, id),
      onHealthTurn: (turn) => log.warn("the health of a node changed", { ...turn }),
    });
    const { resolver, transport, runtime } = this.#upstreams;
    const records = recordsIn(store);
    const { keep, values } = settings.traces;
    this.#traces = keep === 0 ? null : new TraceRing(keep, values);
    this.#configuration = new Configuration({
      settings,
      table,
      resolver,
      transport,
      upstreams: runtime,
      records,
      traces: this.#traces,
      inUse: () => this.#inFlight.handlers(),
      log,
    });
    this.#sync = new ConfigSync({ store, prefix, target: this.#configuration, log, random });
    this.ready = this.#sync.ready;
    this.#dataPlane = this.#listenData();
    this.listen = { ...parseListen(settings.listen), port: this.#dataPlane.port };
    this.#controlPlane = this.#listenControl();
    this.controlListen = {
      ...parseListen(settings.controlListen),
      port: this.#controlPlane.port,
    };
    this.#undoSweeper = new UndoSweeper({
      store,
      targets: this.#configuration.targets(),
      everySeconds: settings.undo.sweepSeconds,
      mayBegin: () => this.#configuration.loaded,
      random,
      log,
    });
    this.#sync.start();
    this.#undoSweeper.start();
  }

  status(): GatewayStatus {
    const { openConnections, idleConnections } = this.#upstreams.transport.stats();
    return {
      status: this.#stopping ? "stopping" : stateOf(this.#configuration, this.#sync),
      version,
      store: { url: this.#options.store.url, ...this.#sync.state },
      ...this.#configuration.describe(),
      requests_in_flight: this.#inFlight.size,
      websockets: this.#webSockets.size,
      connections: { open: openConnections, idle: idleConnections },
    };
  }

  async stop(): Promise<void> {
    if (this.#stopping) {
      this.#inFlight.cancelAll();
      await this.#dataPlane.stop(true);
      return;
    }
    const { settings, log } = this.#options;
    this.#stopping = true;
    this.#response.closing = true;
    log.info("draining", { seconds: settings.drainSeconds });
    await Bun.sleep(settings.drainSeconds * 1000);
    await this.#endRequests();
    this.#inFlight.stop();
    await this.#undoSweeper.stop();
    await this.#sync.stop();
    this.#secrets.stop();
    await this.#configuration.close();
    await this.#upstreams.close();
    await this.#controlPlane.stop();
    log.info("stopped");
  }

  async #endRequests(): Promise<void> {
    const { settings, log } = this.#options;
    this.#webSockets.closeAll();
    const late = await Promise.race([
      this.#dataPlane.stop(false).then(() => false),
      Bun.sleep(settings.stopSeconds * 1000).then(() => true),
    ]);
    if (!late) return;
    log.warn("requests still in flight are given up", { count: this.#inFlight.size });
    this.#inFlight.cancelAll();
    await this.#dataPlane.stop(true);
  }

  #listenData(): DataPlane {
    const { settings, log } = this.#options;
    const address = parseListen(settings.listen);
    const forwarder = { transport: this.#upstreams.transport, serverPort: address.port, log };
    const handle = createRequestHandler({
      matcher: this.#configuration,
      forwarder,
      webSockets: this.#webSockets,
      inFlight: this.#inFlight,
      response: this.#response,
      scheme: "http",
      log,
    });
    const dataPlane = listenDataPlane(address, handle, this.#webSockets.handlers());
    // Known only now when the port was left to the system.
    forwarder.serverPort = dataPlane.port;
    return dataPlane;
  }

  #listenControl(): ControlPlane {
    try {
      return listenControlPlane(parseListen(this.#options.settings.controlListen), {
        source: this.#configuration.controlSource(),
        traces: this.#traces,
        status: () => this.status(),
        notReady: () => this.#notReady(),
        acceptHeld: () => this.#sync.acceptHeld(),
      });
    } catch (error) {
      void this.#dataPlane.stop(true);
      throw error;
    }
  }

  #notReady(): string | null {
    if (this.#stopping) return "stopping";
    return this.#configuration.loaded ? null : `no configuration yet: ${this.#sync.state.reason}`;
  }
}

function stateOf(configuration: Configuration, sync: ConfigSync): GatewayStatus["status"] {
  if (!configuration.loaded) return "starting";
  const { connected, held } = sync.state;
  return connected && held === null ? "ok" : "degraded";
}
