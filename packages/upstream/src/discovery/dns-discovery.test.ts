import { afterEach, describe, expect, test } from "bun:test";
import { type DnsServer, type RawServer, startDnsServer, startRawServer } from "@catena/testkit";
import { compileUpstream } from "../compile-upstream.ts";
import { codeOf } from "../conformance/call-fixture.ts";
import { createDnsClient } from "../dns/dns-client.ts";
import { createResolver } from "../resolver.ts";
import { sendToUpstream } from "../send-to-upstream.ts";
import { createTransport } from "../transport/create-transport.ts";
import type { FoundNode } from "./discovery.ts";
import { createDnsDiscovery, type DnsDiscoveryOptions } from "./dns-discovery.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function setUp(records: DnsServer["records"], more: Partial<DnsDiscoveryOptions> = {}) {
  const server = await startDnsServer(records);
  cleanups.push(() => server.stop());
  const client = createDnsClient({ servers: [server.address], timeoutMs: 200, tries: 1 });
  const clock = { now: 0 };
  const discovery = createDnsDiscovery({ client, now: () => clock.now, ...more });
  return { server, clock, discovery };
}

const found = (address: string, more: Partial<FoundNode> = {}): FoundNode => ({
  address,
  port: null,
  weight: 1,
  priority: 0,
  ...more,
});

const srv = (priority: number, weight: number, port: number, target: string, ttl?: number) =>
  ({
    type: "SRV",
    data: { priority, weight, port, target },
    ...(ttl === undefined ? {} : { ttl }),
  }) as const;

describe("records to nodes", () => {
  const records: DnsServer["records"] = {
    "a.test": [
      { type: "A", data: "10.0.0.1" },
      { type: "A", data: "10.0.0.2" },
    ],
    "one.test": [{ type: "A", data: "10.0.0.3" }],
    "six.test": [{ type: "AAAA", data: "fd00::1" }],
    "srv.test": [srv(10, 60, 1980, "one.test"), srv(20, 20, 1981, "a.test")],
    "zero.test": [srv(0, 0, 0, "one.test")],
    "half.test": [srv(0, 5, 80, "one.test"), srv(0, 5, 80, "gone.test")],
    "nowhere.test": [srv(0, 5, 80, "gone.test")],
  };

  test.each<[string, string, FoundNode[]]>([
    ["every A record is a node", "a.test", [found("10.0.0.1"), found("10.0.0.2")]],
    ["AAAA records when there are no others", "six.test", [found("fd00::1")]],
    [
      "a port of the service wins",
      "a.test:1980",
      [found("10.0.0.1", { port: 1980 }), found("10.0.0.2", { port: 1980 })],
    ],
    [
      "SRV: lower priority first, the weight shared by a target's addresses",
      "srv.test",
      [
        found("10.0.0.3", { port: 1980, weight: 120, priority: -10 }),
        found("10.0.0.1", { port: 1981, weight: 20, priority: -20 }),
        found("10.0.0.2", { port: 1981, weight: 20, priority: -20 }),
      ],
    ],
    [
      "SRV: weight 0 is little, port 0 is the scheme's",
      "zero.test",
      [found("10.0.0.3", { priority: 0 })],
    ],
    [
      "SRV: a port of the service wins",
      "zero.test:99",
      [found("10.0.0.3", { port: 99, priority: 0 })],
    ],
    [
      "SRV: a target that does not exist is left out",
      "half.test",
      [found("10.0.0.3", { port: 80, weight: 5, priority: 0 })],
    ],
  ])("%s", async (_, name, expected) => {
    const { discovery } = await setUp(records);
    expect(await discovery.nodes(name)).toEqual(expected);
  });

  test.each(["none.test", "nowhere.test"])("%s has no nodes", async (name) => {
    const { discovery } = await setUp(records);
    expect(await Promise.resolve(discovery.nodes(name)).catch(codeOf)).toBe("UPSTREAM_UNRESOLVED");
    expect(() => discovery.nodes(name)).toThrow("does not resolve");
  });
});

describe("questions", () => {
  test("go by the order, and begin with what answered last", async () => {
    const { discovery, server, clock } = await setUp({
      "a.test": [{ type: "A", data: "10.0.0.1", ttl: 0 }],
    });
    await discovery.nodes("a.test");
    clock.now = 1_000;
    await discovery.nodes("a.test");
    expect(server.questions).toEqual(["SRV a.test", "A a.test", "A a.test"]);
  });

  test("are those of the order alone", async () => {
    const { discovery, server } = await setUp(
      { "a.test": [{ type: "AAAA", data: "fd00::1" }] },
      { order: ["A"] },
    );
    expect(await Promise.resolve(discovery.nodes("a.test")).catch(codeOf)).toBe(
      "UPSTREAM_UNRESOLVED",
    );
    expect(server.questions).toEqual(["A a.test"]);
  });

  test("are not asked while an answer is good", async () => {
    const { discovery, server, clock } = await setUp({
      "a.test": [{ type: "A", data: "10.0.0.1", ttl: 10 }],
    });
    const nodes = await discovery.nodes("a.test");
    clock.now = 7_900;
    expect(discovery.nodes("a.test")).toBe(nodes as FoundNode[]);
    expect(server.questions.length).toBe(2);
  });

  test("without an answer leave the last nodes", async () => {
    const { discovery, server, clock } = await setUp({
      "a.test": [{ type: "A", data: "10.0.0.1", ttl: 5 }],
    });
    await discovery.nodes("a.test");
    server.isSilent = true;
    clock.now = 5_000;
    expect(await discovery.nodes("a.test")).toEqual([found("10.0.0.1")]);
  });
});

describe("an upstream of a discovered service", () => {
  const startNode = (): RawServer => {
    const server = startRawServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    cleanups.push(() => server.stop());
    return server;
  };

  test("follows its records, and balances between changes", async () => {
    const [a, b, c] = [startNode(), startNode(), startNode()];
    const at = (server: RawServer) => srv(0, 1, server.port, "local.test", 0);
    const local = { "local.test": [{ type: "A", data: "127.0.0.1", ttl: 0 }] } as const;
    const { discovery, server, clock } = await setUp({ ...local, "svc.test": [at(a), at(b)] });
    const { value: plan } = compileUpstream(
      { service_name: "svc.test", discovery_type: "dns", pass_host: "node" },
      { resolver: createResolver(), random: () => 0, discovery: { dns: discovery } },
    );
    const transport = createTransport();
    cleanups.push(() => transport.close());
    const send = () =>
      sendToUpstream(
        plan!,
        {
          method: "GET",
          target: "/",
          headers: ["Host", "x"],
          clientHost: "x",
          body: null,
          timeouts: null,
          deadlineAt: Number.POSITIVE_INFINITY,
          maxBodyBytes: 100,
          buffered: true,
          cancel: null,
          idempotent: true,
          hashKey: "",
          failures: null,
        },
        transport,
      );
    for (let i = 0; i < 6; i++) await send();
    expect([a, b, c].map(({ requests }) => requests.length)).toEqual([3, 3, 0]);
    expect(a.requests[0]?.headerLines).toEqual([`Host: 127.0.0.1:${a.port}`]);

    server.records = { ...local, "svc.test": [at(c), at(b)] };
    clock.now = 1_000;
    for (let i = 0; i < 6; i++) await send();
    expect([a, b, c].map(({ requests }) => requests.length)).toEqual([3, 6, 3]);

    server.records = {};
    clock.now = 2_000;
    expect(await send().catch(codeOf)).toBe("UPSTREAM_UNRESOLVED");
  });
});
