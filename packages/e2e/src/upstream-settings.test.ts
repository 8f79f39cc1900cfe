import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { PartialSettings } from "@catena/gateway";
import { startDnsServer } from "@catena/testkit";
import {
  addressServer,
  authority,
  client,
  expiredServer,
} from "@catena/upstream/test-certificates";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { startEcho, startService } from "./bed/service.ts";
import { startSqlite } from "./bed/stores.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startBed(settings: PartialSettings): Promise<GatewayBed> {
  const storeBed = await startSqlite();
  const bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
  cleanUps.push(() => storeBed.stop());
  cleanUps.push(() => bed.stop());
  return bed;
}

async function startDns(records: Parameters<typeof startDnsServer>[0]) {
  const server = await startDnsServer(records);
  cleanUps.push(() => server.stop());
  return server;
}

function startCounted() {
  const service = startEcho();
  cleanUps.push(() => service.stop());
  return { service, port: Number(service.node.split(":")[1]) };
}

interface SecureOptions {
  readonly certificate: string;
  readonly key: string;
  /** Refuses clients without a certificate of the authority. */
  readonly asksClient?: boolean;
}

/** A service over TLS; resolves with its node. */
async function startSecure({ certificate, key, asksClient = false }: SecureOptions) {
  const server = createServer(
    {
      cert: certificate,
      key,
      ca: authority.certificate,
      requestCert: asksClient,
      rejectUnauthorized: asksClient,
    },
    (_request, response) => response.end("secret"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on TCP has one.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const statusOf = async (bed: GatewayBed, path: string): Promise<number> => {
  const response = await fetch(bed.url + path);
  await response.arrayBuffer();
  return response.status;
};

describe("names of upstreams", () => {
  test("are asked for at the servers of the settings, localhost at none", async () => {
    const { port } = startCounted();
    const dns = await startDns({ "shop.test": [{ type: "A", data: "127.0.0.1", ttl: 60 }] });
    const bed = await startBed({ dns: { servers: [dns.address] } });
    await bed.put({
      "routes/named": { uri: "/named", upstream: { nodes: { [`shop.test:${port}`]: 1 } } },
      "routes/local": { uri: "/local", upstream: { nodes: { [`localhost:${port}`]: 1 } } },
      "routes/unknown": { uri: "/unknown", upstream: { nodes: { [`none.test:${port}`]: 1 } } },
    });
    expect(await statusOf(bed, "/named")).toBe(200);
    expect(await statusOf(bed, "/local")).toBe(200);
    expect(await statusOf(bed, "/unknown")).toBe(503);
    expect(dns.questions).toContain("A shop.test");
    expect(dns.questions.filter((question) => question.includes("localhost"))).toEqual([]);
  });

  test("of services lead to the nodes that DNS tells, for routes and for calls of plugins", async () => {
    const [one, two] = [startCounted(), startCounted()];
    const dns = await startDns({
      "_shop._tcp.test": [
        { type: "SRV", data: { priority: 0, weight: 1, port: one.port, target: "a.test" } },
        { type: "SRV", data: { priority: 0, weight: 1, port: two.port, target: "a.test" } },
      ],
      "a.test": [{ type: "A", data: "127.0.0.1", ttl: 60 }],
    });
    const bed = await startBed({ dns: { servers: [dns.address] } });
    await bed.put({
      "upstreams/shop": {
        id: "shop",
        type: "roundrobin",
        discovery_type: "dns",
        service_name: "_shop._tcp.test",
      },
      "routes/proxied": { uri: "/proxied", upstream_id: "shop" },
      "routes/called": {
        uri: "/called",
        plugins: {
          "proxy-chain": {
            v: 1,
            steps: [{ name: "a", call: { upstream_id: "shop", method: "GET", path: "/a" } }],
            reply: { body: { host: { $ref: ["a", "headers", "host"] } } },
          },
        },
      },
    });
    for (let i = 0; i < 4; i++) expect(await statusOf(bed, "/proxied")).toBe(200);
    expect([one.service.seen.length, two.service.seen.length]).toEqual([2, 2]);
    const called = await fetch(`${bed.url}/called`);
    expect([called.status, await called.json()]).toEqual([200, { host: "_shop._tcp.test" }]);
  });
});

test("calls of chains to an upstream that hashes keep to the node of their key", async () => {
  const nodes = [startCounted(), startCounted(), startCounted()];
  const bed = await startBed({});
  await bed.put({
    "upstreams/hashed": {
      id: "hashed",
      type: "chash",
      hash_on: "header",
      key: "x-user",
      nodes: Object.fromEntries(nodes.map(({ service }) => [service.node, 1])),
    },
    "routes/steps": {
      uri: "/steps",
      plugins: {
        "proxy-chain": {
          v: 1,
          steps: [
            {
              name: "a",
              call: {
                upstream_id: "hashed",
                method: "GET",
                path: "/a",
                headers: { "x-user": { $ref: ["input", "query", "user"] } },
              },
            },
          ],
          reply: { body: {} },
        },
      },
    },
    "routes/classic": {
      uri: "/classic",
      plugins: { "proxy-chain": { services: [{ upstream_id: "hashed", uri: "http://hashed/a" }] } },
      upstream: { nodes: { [startCounted().service.node]: 1 } },
    },
  });
  const nodeOf = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const before = nodes.map(({ service }) => service.seen.length);
    const response = await fetch(bed.url + path, { headers });
    expect([response.status, await response.text()]).toMatchObject([200, expect.any(String)]);
    return nodes.findIndex(({ service }, at) => service.seen.length > (before[at] ?? 0));
  };
  const used = new Set<number>();
  for (const user of ["a", "b", "c", "d", "e", "f"]) {
    const node = await nodeOf(`/steps?user=${user}`);
    used.add(node);
    expect(await nodeOf(`/steps?user=${user}`)).toBe(node);
    expect(await nodeOf("/classic", { "x-user": user })).toBe(node);
  }
  expect(used.size).toBeGreaterThan(1);
});

describe("upstreams over TLS", () => {
  const cases: readonly [
    says: string,
    settings: PartialSettings,
    server: SecureOptions,
    status: number,
  ][] = [
    ["a certificate of an unknown authority is refused", {}, addressServer, 502],
    [
      "a certificate of the authority of the settings is taken",
      { tls: { verify: true, ca: authority.certificate } },
      addressServer,
      200,
    ],
    [
      "an expired one is not",
      { tls: { verify: true, ca: authority.certificate } },
      expiredServer,
      502,
    ],
    [
      "any is taken when the settings say so",
      { tls: { verify: false, ca: null } },
      expiredServer,
      200,
    ],
  ];
  test.each(cases)("%s", async (_says, settings, server, status) => {
    const bed = await startBed(settings);
    const upstream = { scheme: "https", nodes: { [await startSecure(server)]: 1 } };
    await bed.put({ "routes/r": { uri: "/r", upstream } });
    expect(await statusOf(bed, "/r")).toBe(status);
  });

  test("are shown the client certificate that they name, as soon as it is there", async () => {
    const bed = await startBed({ tls: { verify: true, ca: authority.certificate } });
    const node = await startSecure({ ...addressServer, asksClient: true });
    const upstream = { scheme: "https", nodes: { [node]: 1 }, tls: { client_cert_id: "mine" } };
    await bed.put({
      "upstreams/u": { id: "u", ...upstream },
      "routes/shared": { uri: "/shared", upstream_id: "u" },
      "routes/own": { uri: "/own", upstream },
    });
    const statuses = async () => [await statusOf(bed, "/shared"), await statusOf(bed, "/own")];
    const mine = { id: "mine", type: "client", cert: client.certificate, key: client.key };
    expect(await statuses()).toEqual([503, 503]);
    await bed.put({ "ssls/mine": mine });
    expect(await statuses()).toEqual([200, 200]);
    await bed.put({ "ssls/mine": { ...mine, status: 0 } });
    expect(await statuses()).toEqual([503, 503]);
    await bed.put({ "ssls/mine": { ...mine, type: "server", sni: "mine.test" } });
    expect(await statuses()).toEqual([503, 503]);
  });
});

test("checks do not run when the settings turn them off", async () => {
  let probes = 0;
  const service = startService(({ target }) => {
    if (target === "/health") probes++;
    return new Response("ok");
  });
  cleanUps.push(() => service.stop());
  const bed = await startBed({ healthChecks: false });
  const active = { http_path: "/health", healthy: { interval: 1 }, unhealthy: { interval: 1 } };
  await bed.put({
    "upstreams/u": { id: "u", nodes: { [service.node]: 1 }, checks: { active } },
    "routes/r": { uri: "/r", upstream_id: "u" },
  });
  expect(await statusOf(bed, "/r")).toBe(200);
  const response = await fetch(`${bed.controlUrl}/v1/healthcheck/upstreams/u`);
  expect(await response.json()).toEqual({ name: "/apisix/upstreams/u", type: "http", nodes: [] });
  expect(probes).toBe(0);
});
