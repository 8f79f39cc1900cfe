import type { GatewayStatus, WorkerStatus } from "../control/control-plane.ts";

/** One worker as its supervisor knows it, and its own status where it told it. */
export interface WorkerReport extends Pick<WorkerStatus, "pid" | "state" | "restarts"> {
  readonly status: GatewayStatus | null;
}

export interface MergeOptions {
  readonly version: string;
  /** The store's address, for when no worker tells of it. */
  readonly storeUrl: string;
  readonly isStopping: boolean;
}

/**
 * The status of a gateway of several workers: what is in flight is added up; where workers differ in
 * what they loaded, that of the one which is worst off is shown.
 */
export function mergeStatus(
  reports: readonly WorkerReport[],
  { version, storeUrl, isStopping }: MergeOptions,
): GatewayStatus {
  const told = reports.flatMap(({ status }) => (status === null ? [] : [status]));
  const serving = reports.flatMap(({ state, status }) =>
    state === "serving" && status !== null ? [status] : [],
  );
  const shown = worst(serving.length > 0 ? serving : told) ?? nothingTold(version, storeUrl);
  const newest = Math.max(...told.map(({ store }) => store.revision ?? 0), 0);
  const sum = (read: (status: GatewayStatus) => number): number =>
    told.reduce((total, status) => total + read(status), 0);
  return {
    ...shown,
    status: isStopping ? "stopping" : stateOf(shown, reports),
    requests_in_flight: sum((status) => status.requests_in_flight),
    websockets: sum((status) => status.websockets),
    connections: {
      open: sum(({ connections }) => connections.open),
      idle: sum(({ connections }) => connections.idle),
    },
    tls: shown.tls === null ? null : { ...shown.tls, ...sumTls(told) },
    workers: reports.map(({ pid, state, restarts, status }) => ({
      pid,
      state,
      revision: status?.store.revision ?? null,
      lag:
        status === null || status.store.revision === null ? null : newest - status.store.revision,
      requests_in_flight: status?.requests_in_flight ?? 0,
      restarts,
    })),
  };
}

function sumTls(told: readonly GatewayStatus[]) {
  const all = told.flatMap(({ tls }) => (tls === null ? [] : [tls]));
  return {
    connections: all.reduce((total, { connections }) => total + connections, 0),
    refused: all.reduce((total, { refused }) => total + refused, 0),
  };
}

function stateOf(shown: GatewayStatus, reports: readonly WorkerReport[]): GatewayStatus["status"] {
  if (shown.status !== "ok") return shown.status;
  return reports.every(({ state }) => state === "serving" || state === "leaving")
    ? "ok"
    : "degraded";
}

const ranks: readonly GatewayStatus["status"][] = ["starting", "degraded", "ok", "stopping"];

/** Without a configuration, then without a store, then the one that is furthest behind. */
function worst(statuses: readonly GatewayStatus[]): GatewayStatus | undefined {
  return statuses.toSorted(
    (a, b) =>
      ranks.indexOf(a.status) - ranks.indexOf(b.status) ||
      (a.store.revision ?? 0) - (b.store.revision ?? 0),
  )[0];
}

function nothingTold(version: string, url: string): GatewayStatus {
  return {
    status: "starting",
    version,
    store: {
      url,
      connected: false,
      reason: "no worker runs",
      since: new Date().toISOString(),
      revision: null,
      held: null,
    },
    resources: {},
    rejected: [],
    unserved: [],
    dangling: [],
    secrets: { references: 0, unresolved: [] },
    requests_in_flight: 0,
    websockets: 0,
    connections: { open: 0, idle: 0 },
    tls: null,
    workers: [],
  };
}
