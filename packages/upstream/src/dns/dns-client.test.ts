import { afterEach, describe, expect, test } from "bun:test";
import { type DnsServer, startDnsServer } from "@catena/testkit";
import { codeOf } from "../conformance/call-fixture.ts";
import { createResolver } from "../resolver.ts";
import { createDnsClient } from "./dns-client.ts";
import { dnsLookup } from "./dns-lookup.ts";

const servers: DnsServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function setUp(records: DnsServer["records"]) {
  const server = await startDnsServer(records);
  servers.push(server);
  const client = createDnsClient({ servers: [server.address], timeoutMs: 200, tries: 1 });
  return { server, client };
}

describe("the DNS client", () => {
  test("tells addresses with their TTL", async () => {
    const { client } = await setUp({
      "a.test": [
        { type: "A", data: "10.0.0.1", ttl: 7 },
        { type: "A", data: "10.0.0.2", ttl: 7 },
        { type: "AAAA", data: "fd00::1", ttl: 9 },
      ],
    });
    expect(await client.resolve4("a.test")).toEqual([
      { address: "10.0.0.1", ttlSeconds: 7 },
      { address: "10.0.0.2", ttlSeconds: 7 },
    ]);
    expect(await client.resolve6("a.test")).toEqual([{ address: "fd00::1", ttlSeconds: 9 }]);
  });

  test("tells services", async () => {
    const data = { priority: 10, weight: 60, port: 1980, target: "a.test" };
    const { client } = await setUp({ "srv.test": [{ type: "SRV", data }] });
    expect(await client.resolveSrv("srv.test")).toEqual([data]);
  });

  test("says that a name does not exist, and that nobody answered", async () => {
    const { client, server } = await setUp({});
    expect(await client.resolve4("none.test").catch(codeOf)).toBe("ENOTFOUND");
    server.isSilent = true;
    expect(await client.resolve4("none.test").catch(codeOf)).not.toBe("ENOTFOUND");
  });
});

describe("a resolver on DNS servers", () => {
  // The runtime's client has a cache that keeps to real time; answers of TTL 0 pass it by.
  test("keeps an answer as long as its TTL, but a second at least", async () => {
    const { client, server } = await setUp({ "a.test": [{ type: "A", data: "10.0.0.1", ttl: 0 }] });
    let now = 0;
    const resolver = createResolver({ lookup: dnsLookup(client), now: () => now });
    await resolver.resolve("a.test", 80);
    server.records = { "a.test": [{ type: "A", data: "10.0.0.2", ttl: 0 }] };
    now = 799;
    expect(resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    now = 1_000;
    expect(await resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.2", port: 80 });
  });

  test("uses IPv6 when there is no IPv4", async () => {
    const { client } = await setUp({ "six.test": [{ type: "AAAA", data: "fd00::6" }] });
    const resolver = createResolver({ lookup: dnsLookup(client) });
    expect(await resolver.addresses("six.test")).toEqual(["fd00::6"]);
  });

  test("does not believe a TTL of 0 by asking for every call", async () => {
    const { client, server } = await setUp({ "a.test": [{ type: "A", data: "10.0.0.1", ttl: 0 }] });
    const resolver = createResolver({ lookup: dnsLookup(client), now: () => 0 });
    for (let i = 0; i < 5; i++) await resolver.resolve("a.test", 80);
    expect(server.questions).toEqual(["A a.test"]);
  });

  test("reports a name that does not exist", async () => {
    const { client } = await setUp({});
    const resolver = createResolver({ lookup: dnsLookup(client) });
    const found = Promise.resolve(resolver.resolve("none.test", 80));
    await expect(found).rejects.toMatchObject({ code: "UPSTREAM_UNRESOLVED" });
  });
});
