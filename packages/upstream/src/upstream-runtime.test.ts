import { afterEach, expect, test } from "bun:test";
import type { Upstream } from "@catena/schema";
import { startRawServer } from "@catena/testkit";
import { until } from "./conformance/call-fixture.ts";
import { createResolver } from "./resolver.ts";
import { createTransport } from "./transport/create-transport.ts";
import { createUpstreamRuntime, type UpstreamRuntimeOptions } from "./upstream-runtime.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function setUp(options: Partial<UpstreamRuntimeOptions> = {}) {
  const transport = createTransport();
  const runtime = createUpstreamRuntime({ transport, resolver: createResolver(), ...options });
  cleanups.push(
    () => runtime.close(),
    () => transport.close(),
  );
  return runtime;
}

const checked = (port: number): Upstream => ({
  nodes: { [`127.0.0.1:${port}`]: 1 },
  checks: {
    active: { type: "tcp", healthy: { interval: 0.1 }, unhealthy: { interval: 0.1 } },
  },
});

test("checks run on their own clock from the first use to the end of their owner", async () => {
  const turns: string[] = [];
  const runtime = setUp({ onHealthTurn: ({ owner, isUp }) => turns.push(`${owner} ${isUp}`) });
  const server = startRawServer({});
  const { value: plan } = runtime.compile("upstreams/1", checked(server.port));
  expect(runtime.healthReports()).toEqual([{ owner: "upstreams/1", type: "tcp", nodes: [] }]);
  plan?.checker?.start();
  await until(() => server.connectionCount >= 2, "the node was probed twice");
  server.stop();
  await until(() => turns.length > 0, "the node is down");
  expect(turns).toEqual(["upstreams/1 false"]);
  expect(runtime.healthReport("upstreams/1")?.nodes[0]?.status).toBe("unhealthy");

  runtime.changed("upstreams/1");
  const again = runtime.compile("upstreams/1", checked(server.port));
  expect(again.value?.checker).toBe(plan?.checker ?? null);
  expect(runtime.healthReport("upstreams/1")?.nodes[0]?.status).toBe("unhealthy");

  runtime.removed("upstreams/1");
  expect(runtime.healthReport("upstreams/1")).toBeNull();
  expect(runtime.healthReports()).toEqual([]);
});

test("what least_conn counts goes on in the next plan, and ends with the owner", () => {
  const runtime = setUp();
  const upstream: Upstream = { type: "least_conn", nodes: { "10.0.0.1:80": 1, "10.0.0.2:80": 1 } };
  const compile = () => {
    const { value } = runtime.compile("upstreams/1", upstream);
    if (value === undefined) throw new Error("not compiled");
    return value;
  };
  const first = compile();
  const busy = first.balancer.pick("", []);
  if (busy === null) throw new Error("nothing was picked");
  for (let i = 0; i < 3; i++) first.balancer.watcher?.begun(busy);
  const picks = (plan: typeof first) =>
    new Set([1, 2, 3, 4].map(() => plan.balancer.pick("", [])?.label));
  expect(picks(compile())).not.toContain(busy.label);
  runtime.removed("upstreams/1");
  expect(picks(compile())).toContain(busy.label);
});

test("settings reach every upstream", () => {
  const runtime = setUp({
    healthChecks: false,
    tls: { verify: false },
    discovery: {
      fixed: { nodes: () => [{ address: "10.0.0.9", port: 81, weight: 1, priority: 0 }] },
    },
  });
  expect(runtime.compile("upstreams/1", checked(80)).value?.checker).toBeNull();
  const secure = runtime.compile("upstreams/2", { scheme: "https", nodes: { "10.0.0.1": 1 } });
  expect(secure.value?.origins.find("10.0.0.1", 443, "a.test").tls?.verify).toBe(false);
  const found = runtime.compile("upstreams/3", { service_name: "x", discovery_type: "fixed" });
  expect(found.value?.discovered?.current()).toMatchObject({ nodes: [{ label: "10.0.0.9:81" }] });
});
