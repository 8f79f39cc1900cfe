import { recordsIn } from "@catena/chain";
import type { ConfigStore } from "@catena/store";
import { findClientCertificate } from "./config/client-certificate.ts";
import { Configuration } from "./config/configuration.ts";
import { openResources } from "./config/open-resources.ts";
import { ConfigSync } from "./config/sync.ts";
import {
  type ControlPlane,
  createControlApp,
  type GatewayStatus,
  listenControl,
  type WorkerStatus,
} from "./control/control-plane.ts";
import { TraceRing } from "./control/trace-ring.ts";
import { type DataPlane, listenDataPlane } from "./edge/data-plane.ts";
import { displayUrl, type ListenAddress, parseListen } from "./listen.ts";
import type { Log } from "./log.ts";
import { InFlight } from "./request/in-flight.ts";
import { readPaths } from "./request/match-path.ts";
import { believeRealIp, trustForwarded } from "./request/peer-trust.ts";
import type { SecretBook } from "./secrets/secret-book.ts";
import type { Settings } from "./settings/settings.ts";
import { Certificates } from "./tls/certificates.ts";
import { listenOverTls } from "./tls/listen-over-tls.ts";
import type { TlsFront } from "./tls/tls-front.ts";
import { UndoSweeper } from "./undo-sweeper.ts";
import { openUpstreamServices, type UpstreamServices } from "./upstream-services.ts";
import { WebSocketRelay } from "./websocket/relay.ts";

export interface GatewayOptions {
  readonly settings: Settings;
  /** Opened and closed by the caller. */
  readonly store: ConfigStore;
  readonly log: Log;
  /** 0 <= n < 1; spreads retries. */
  readonly random?: () => number;
  /** Memory in which the workers of a gateway count together. */
  readonly sharedCounts?: Int32Array;
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

/** A gateway that is one of several processes on one port: it listens when it is told to. */
export interface WorkerGateway extends Pick<Gateway, "ready" | "status"> {
  /** Shares the ports of the settings from now on. Rejects with LISTEN_FAILED. */
  open(): Promise<void>;
  /** Answers a request to the Control API as this process sees it; the address is the supervisor's. */
  control(request: Request): Promise<Response>;
  /**
   * As {@link Gateway.stop}.
   *
   * @param onClosed told when no connection is accepted any more, while requests in flight go on.
   */
  stop(drainSeconds: number, onClosed: () => void): Promise<void>;
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
  const { settings } = options;
  const gateway = new RunningGateway(options);
  gateway.open(false);
  gateway.openControl();
  gateway.follow();
  return {
    listen: { ...parseListen(settings.listen), port: gateway.port },
    controlListen: { ...parseListen(settings.controlListen), port: gateway.controlPort },
    ready: gateway.ready,
    status: () => gateway.status(),
    stop: () => gateway.stop(settings.drainSeconds, () => undefined),
  };
}

/** Follows the store, and listens nowhere until {@link WorkerGateway.open}. */
export function startWorkerGateway(options: GatewayOptions): WorkerGateway {
  const gateway = new RunningGateway(options);
  gateway.follow();
  return {
    ready: gateway.ready,
    status: () => gateway.status(),
    open: async () => {
      gateway.open(true);
      await gateway.tlsAttempted;
    },
    control: (request) => gateway.control(request),
    stop: (drainSeconds, onClosed) => gateway.stop(drainSeconds, onClosed),
  };
}

class RunningGateway {
  readonly ready: Promise<void>;
  readonly #options: GatewayOptions;
  readonly #upstreams: UpstreamServices;
  readonly #configuration: Configuration;
  readonly #certificates: Certificates;
  readonly #secrets: SecretBook;
  readonly #sync: ConfigSync;
  readonly #undoSweeper: UndoSweeper;
  readonly #traces: TraceRing | null;
  readonly #inFlight = new InFlight();
  readonly #webSockets: WebSocketRelay;
  readonly #response: { readonly serverHeader: string; closing: boolean };
  readonly #controlApp: ReturnType<typeof createControlApp>;
  #dataPlane: DataPlane | null = null;
  #tlsFront: TlsFront | null = null;
  #controlPlane: ControlPlane | null = null;
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
    this.#certificates = new Certificates({ http2: settings.ssl.http2, log });
    this.#configuration = new Configuration({
      settings,
      table,
      resolver,
      transport,
      upstreams: runtime,
      certificates: this.#certificates,
      records,
      traces: this.#traces,
      sharedCounts: options.sharedCounts,
      inUse: () => [...this.#inFlight.handlers(), ...this.#webSockets.handlersInUse()],
      log,
    });
    this.#sync = new ConfigSync({ store, prefix, target: this.#configuration, log, random });
    this.ready = this.#sync.ready.then(dropLoadingGarbage);
    this.#controlApp = createControlApp({
      source: this.#configuration.controlSource(),
      traces: this.#traces,
      status: () => this.status(),
      notReady: () => this.#notReady(),
      acceptHeld: () => this.#sync.acceptHeld(),
      apiDocument: () => this.#configuration.apiDocument(this.#dataPlaneUrl()),
    });
    this.#undoSweeper = new UndoSweeper({
      store,
      targets: this.#configuration.targets(),
      everySeconds: settings.undo.sweepSeconds,
      mayBegin: () => this.#configuration.loaded,
      random,
      log,
    });
  }

  /** The port of the settings may have been left to the system. */
  #dataPlaneUrl(): string {
    const address = parseListen(this.#options.settings.listen);
    return displayUrl({ ...address, port: this.#dataPlane?.port ?? address.port });
  }

  /** Begins to apply what the store has. */
  follow(): void {
    this.#sync.start();
    this.#undoSweeper.start();
  }

  get port(): number {
    return this.#dataPlane?.port ?? 0;
  }

  /** Resolves once it listens for clients over TLS, could not, or is not to. */
  get tlsAttempted(): Promise<void> {
    return this.#tlsFront?.attempted ?? Promise.resolve();
  }

  get controlPort(): number {
    return this.#controlPlane?.port ?? 0;
  }

  control(request: Request): Promise<Response> {
    return Promise.resolve(this.#controlApp.handle(request));
  }

  status(): GatewayStatus {
    const { openConnections, idleConnections } = this.#upstreams.transport.stats();
    const status = this.#stopping ? "stopping" : stateOf(this.#configuration, this.#sync);
    const { revision } = this.#sync.state;
    return {
      status,
      version,
      store: { url: this.#options.store.url, ...this.#sync.state },
      ...this.#configuration.describe(),
      requests_in_flight: this.#inFlight.size,
      websockets: this.#webSockets.size,
      connections: { open: openConnections, idle: idleConnections },
      tls: this.#tlsFront?.status() ?? null,
      workers: [
        {
          pid: process.pid,
          state: workerStates[status],
          revision,
          lag: revision === null ? null : 0,
          requests_in_flight: this.#inFlight.size,
          restarts: 0,
        },
      ],
    };
  }

  async stop(drainSeconds: number, onClosed: () => void): Promise<void> {
    if (this.#stopping) {
      this.#inFlight.cancelAll();
      await this.#dataPlane?.stop(true);
      return;
    }
    const { log } = this.#options;
    this.#stopping = true;
    this.#response.closing = true;
    if (this.#dataPlane !== null) {
      log.info("draining", { seconds: drainSeconds });
      await Bun.sleep(drainSeconds * 1000);
      await this.#endRequests(this.#dataPlane, onClosed);
    }
    // What is left has no client any more, and was not looked at since that went.
    this.#inFlight.cancelAll();
    this.#inFlight.stop();
    await this.#undoSweeper.stop();
    await this.#sync.stop();
    this.#secrets.stop();
    await this.#configuration.close();
    await this.#upstreams.close();
    await this.#controlPlane?.stop();
    log.info("stopped");
  }

  async #endRequests(dataPlane: DataPlane, onClosed: () => void): Promise<void> {
    const { settings, log } = this.#options;
    this.#webSockets.closeAll();
    const ended = dataPlane.stop(false);
    onClosed();
    const late = await Promise.race([
      ended.then(() => false),
      Bun.sleep(settings.stopSeconds * 1000).then(() => true),
    ]);
    if (!late) return;
    log.warn("requests still in flight are given up", { count: this.#inFlight.size });
    this.#inFlight.cancelAll();
    await dataPlane.stop(true);
  }

  /** @param isShared whether other processes listen on the port too. */
  open(isShared: boolean): void {
    const { settings, log } = this.#options;
    const address = parseListen(settings.listen);
    const { transport } = this.#upstreams;
    const trust = trustForwarded(settings);
    const forwarder = { transport, serverPort: address.port, trust, log };
    const handling = {
      matcher: believeRealIp(readPaths(this.#configuration, settings), settings),
      forwarder,
      webSockets: this.#webSockets,
      inFlight: this.#inFlight,
      log,
    };
    const edge = {
      address,
      handling: { ...handling, scheme: "http" },
      response: this.#response,
      webSockets: this.#webSockets,
      isShared,
    } as const;
    const dataPlane = listenDataPlane(edge, settings);
    // Known only now when the port was left to the system.
    forwarder.serverPort = dataPlane.port;
    const certificates = this.#certificates;
    const tlsFront = listenOverTls({
      settings,
      certificates,
      handling,
      response: this.#response,
      isShared,
    });
    this.#tlsFront = tlsFront;
    this.#dataPlane = {
      port: dataPlane.port,
      stop: async (force) => {
        await Promise.all([dataPlane.stop(force), tlsFront?.stop(force)]);
      },
    };
  }

  openControl(): void {
    try {
      const address = parseListen(this.#options.settings.controlListen);
      this.#controlPlane = listenControl(address, this.#controlApp);
    } catch (error) {
      void this.#dataPlane?.stop(true);
      throw error;
    }
  }

  #notReady(): string | null {
    if (this.#stopping) return "stopping";
    return this.#configuration.loaded ? null : `no configuration yet: ${this.#sync.state.reason}`;
  }
}

const workerStates = {
  starting: "starting",
  ok: "serving",
  degraded: "serving",
  stopping: "leaving",
} as const satisfies Record<GatewayStatus["status"], WorkerStatus["state"]>;

function stateOf(configuration: Configuration, sync: ConfigSync): GatewayStatus["status"] {
  if (!configuration.loaded) return "starting";
  const { connected, held } = sync.state;
  return connected && held === null ? "ok" : "degraded";
}

/** With less, what loading leaves behind is not worth a pause. */
const largeHeapBytes = 64 * 1024 * 1024;

/**
 * Loading leaves about as much garbage as it keeps, and an idle gateway would hold on to it: of 100,000
 * routes 410 MB stay resident without this, 300 with it. Takes some 50 ms then, before anything is
 * served for the first time.
 */
function dropLoadingGarbage(): void {
  if (process.memoryUsage().heapUsed > largeHeapBytes) Bun.gc(true);
}
