import { type AnyElysia, Elysia } from "elysia";
import { type ListenAddress, listenErrors } from "../listen.ts";
import type { UnresolvedSecret } from "../secrets/secret-book.ts";
import type { TlsStatus } from "../tls/tls-front.ts";
import type { TraceRing } from "./trace-ring.ts";
import { createTracesApi } from "./traces-api.ts";
import { type ControlSource, createV1Api } from "./v1-api.ts";

/** One worker on `/status`. */
export interface WorkerStatus {
  /** `null` while none runs in this place. */
  readonly pid: number | null;
  /**
   * `silent`: it does not answer its supervisor. `leaving`: it ends what is in flight, another one has
   * its place. `failing`: one after another ended, the next try is some time away.
   */
  readonly state: "starting" | "serving" | "silent" | "leaving" | "failing";
  /** Revision of the store that it has applied. */
  readonly revision: number | null;
  /** By how many revisions it is behind the worker that has the newest. */
  readonly lag: number | null;
  readonly requests_in_flight: number;
  /** How often the worker in this place was replaced because it had ended or failed. */
  readonly restarts: number;
}

/** What `/status` shows; everything a person needs to see why something is not served. */
export interface GatewayStatus {
  readonly status: "ok" | "degraded" | "starting" | "stopping";
  readonly version: string;
  readonly store: {
    readonly url: string;
    readonly connected: boolean;
    readonly reason: string | null;
    readonly since: string;
    readonly revision: number | null;
    readonly held: {
      readonly reason: string;
      readonly since: string;
      readonly keys: readonly string[];
    } | null;
  };
  readonly resources: Readonly<Record<string, number>>;
  readonly rejected: readonly {
    readonly key: string;
    readonly revision: number;
    readonly since: string;
    readonly reason: string;
    /** Whether an earlier version of the item still serves. */
    readonly serving_previous: boolean;
  }[];
  /** What was accepted and can't be served all the same: a plugin this build lacks, say. */
  readonly unserved: readonly { readonly resource: string; readonly reason: string }[];
  readonly dangling: readonly { readonly resource: string; readonly missing: string }[];
  /** References to secrets, and those without a value or with an old one; never a value. */
  readonly secrets: {
    readonly references: number;
    readonly unresolved: readonly UnresolvedSecret[];
  };
  readonly requests_in_flight: number;
  /** WebSockets that are open. */
  readonly websockets: number;
  readonly connections: { readonly open: number; readonly idle: number };
  /** `null` where the settings allow no TLS. */
  readonly tls: TlsStatus | null;
  /** This process, or those that share the port. */
  readonly workers: readonly WorkerStatus[];
}

export interface ControlPlaneOptions {
  readonly source: ControlSource;
  /** `null` where traces are not kept. */
  readonly traces: TraceRing | null;
  readonly status: () => GatewayStatus;
  /** `null` when ready, else the reason why not. */
  readonly notReady: () => string | null;
  /** Deletes what was held back after the store came back with less; how many items went. */
  readonly acceptHeld: () => number;
  /** The OpenAPI document of what is served. */
  readonly apiDocument: () => Promise<string>;
}

export interface ControlPlane {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * The control API of one gateway process: `GET /status`, `GET /status/ready`, `GET /openapi.json`,
 * `POST /v1/store/accept`, and what {@link createV1Api} and {@link createTracesApi} show.
 */
export function createControlApp(options: ControlPlaneOptions) {
  return new Elysia({
    systemRouter: false,
    normalize: false,
    // Elysia misreads the path behind a host of fewer than four characters.
    handler: { standardHostname: false },
  })
    .use(createV1Api(options.source))
    .use(createTracesApi(options.traces))
    .get("/status", () => options.status())
    .get("/status/ready", ({ set }) => {
      const reason = options.notReady();
      if (reason === null) return { status: "ok" };
      set.status = 503;
      return { status: "error", error: reason };
    })
    .get("/openapi.json", ({ set }) => {
      const reason = options.notReady();
      // Whoever makes something of it must not take a gateway that has read nothing for one without routes.
      if (reason !== null) {
        set.status = 503;
        return { error_msg: reason };
      }
      set.headers["content-type"] = "application/json";
      return options.apiDocument();
    })
    .post("/v1/store/accept", () => ({ deleted: options.acceptHeld() }))
    .onError(({ code, set }) => {
      set.status = code === "NOT_FOUND" ? 404 : 500;
      return { error_msg: code === "NOT_FOUND" ? "not found" : "internal error" };
    });
}

/**
 * Listens for requests to a control API: on loopback by default and without authentication, as APISIX.
 *
 * @throws LISTEN_FAILED
 */
export function listenControl(address: ListenAddress, app: AnyElysia): ControlPlane {
  try {
    app.listen({
      hostname: address.hostname,
      port: address.port,
      development: false,
      reusePort: false,
    });
  } catch (cause) {
    throw listenErrors.LISTEN_FAILED(
      {
        address: `${address.hostname}:${address.port}`,
        setting: "controlListen (CATENA_CONTROL_LISTEN)",
        reason: cause instanceof Error ? cause.message : String(cause),
      },
      cause,
    );
  }
  return {
    port: app.server?.port ?? address.port,
    stop: async () => {
      await app.server?.stop(true);
    },
  };
}
