import { describe, expect, test } from "bun:test";
import type { GatewayStatus } from "../control/control-plane.ts";
import { mergeStatus, type WorkerReport } from "./merge-status.ts";

const options = { version: "1", storeUrl: "sqlite:x", isStopping: false };

function status(changes: Partial<GatewayStatus>, revision: number | null = 7): GatewayStatus {
  return {
    status: "ok",
    version: "1",
    store: { url: "sqlite:x", connected: true, reason: null, since: "", revision, held: null },
    resources: { routes: 1 },
    rejected: [],
    unserved: [],
    dangling: [],
    secrets: { references: 0, unresolved: [] },
    requests_in_flight: 2,
    websockets: 1,
    tls: null,
    connections: { open: 4, idle: 3 },
    workers: [],
    ...changes,
  };
}

const report = (pid: number, told: GatewayStatus | null, changes: Partial<WorkerReport> = {}) => ({
  pid,
  state: "serving" as const,
  restarts: 0,
  status: told,
  ...changes,
});

describe("mergeStatus", () => {
  test("adds up what is in flight and shows each worker with what it is behind", () => {
    const merged = mergeStatus(
      [report(1, status({})), report(2, status({}, 5), { restarts: 3 })],
      options,
    );
    expect(merged).toMatchObject({
      status: "ok",
      requests_in_flight: 4,
      websockets: 2,
      connections: { open: 8, idle: 6 },
      // That of the one which is furthest behind: what is shown is served by all.
      store: { revision: 5 },
      workers: [
        { pid: 1, state: "serving", revision: 7, lag: 0, requests_in_flight: 2, restarts: 0 },
        { pid: 2, state: "serving", revision: 5, lag: 2, requests_in_flight: 2, restarts: 3 },
      ],
    });
  });

  test.each<readonly [string, readonly WorkerReport[], GatewayStatus["status"]]>([
    [
      "one has no store",
      [report(1, status({})), report(2, status({ status: "degraded" }))],
      "degraded",
    ],
    [
      "one is being replaced",
      [report(1, status({})), report(2, null, { state: "starting" })],
      "degraded",
    ],
    [
      "one does not answer",
      [report(1, status({})), report(2, null, { state: "silent" })],
      "degraded",
    ],
    [
      "one leaves and another has its place",
      [report(1, status({})), report(2, status({ status: "stopping" }), { state: "leaving" })],
      "ok",
    ],
    ["none has a configuration", [report(1, status({ status: "starting" }, null))], "starting"],
    ["none runs", [report(1, null, { state: "failing" })], "starting"],
  ])("when %s: the gateway is as it should say", (_name, reports, expected) => {
    expect(mergeStatus(reports, options).status).toBe(expected);
  });

  test("stopping is said whatever workers say", () => {
    expect(mergeStatus([report(1, status({}))], { ...options, isStopping: true }).status).toBe(
      "stopping",
    );
  });

  test("without a worker that tells of it the store is shown as not connected", () => {
    expect(mergeStatus([], options).store).toMatchObject({ url: "sqlite:x", connected: false });
  });
});
