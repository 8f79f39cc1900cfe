import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { PartialSettings } from "@catena/gateway";
import { type GatewayBed, servers, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

describe.each(servers)("with the server %s", (server) => {
  let storeBed: StoreBed;
  let echo: Service;
  const beds: GatewayBed[] = [];

  beforeAll(async () => {
    storeBed = await startSqlite();
    echo = startEcho();
  });

  afterAll(async () => {
    for (const bed of beds) await bed.stop();
    await storeBed.stop();
    await echo.stop();
  });

  /** What a client's headers become towards the upstream. */
  async function passed(settings: PartialSettings, headers: Readonly<Record<string, string>>) {
    const bed = await startGatewayBed({
      storeUrl: storeBed.url,
      settings: { server, ...settings },
    });
    beds.push(bed);
    const upstream = { type: "roundrobin", nodes: { [echo.node]: 1 } };
    await bed.put({
      "routes/any": { uri: "/*", upstream },
      "routes/remote": {
        uri: "/remote",
        remote_addr: "6.6.6.0/24",
        upstream,
        plugins: { "proxy-rewrite": { headers: { set: { "X-Route": "$remote_addr" } } } },
      },
    });
    const response = await fetch(`${bed.url}/remote`, { headers });
    // The echo service answers with what it was asked.
    const seen = (await response.json()) as { readonly headers: Readonly<Record<string, string>> };
    return { seen: seen.headers, host: new URL(bed.url).host };
  }

  const realIp = (from: readonly string[], header = "X-Real-IP", recursive = false) => ({
    realIp: { from: [...from], header, recursive },
  });

  const cases: readonly (readonly [string, PartialSettings, Record<string, string>, string])[] = [
    ["by default a peer on this machine", {}, { "x-real-ip": "6.6.6.6" }, "6.6.6.6"],
    ["nobody where none is named", realIp([]), { "x-real-ip": "6.6.6.6" }, "127.0.0.1"],
    ["a peer that is named", realIp(["127.0.0.1"]), { "x-real-ip": "6.6.6.6" }, "6.6.6.6"],
    ["no other peer", realIp(["10.0.0.0/8"]), { "x-real-ip": "6.6.6.6" }, "127.0.0.1"],
    ["nothing that is no address", realIp(["127.0.0.0/8"]), { "x-real-ip": "me" }, "127.0.0.1"],
    [
      "the last of a list",
      realIp(["127.0.0.1"], "X-Forwarded-For"),
      { "x-forwarded-for": "6.6.6.6, 6.6.6.7:80" },
      "6.6.6.7",
    ],
    [
      "the last that is not named itself",
      realIp(["127.0.0.1", "10.0.0.0/8"], "X-Forwarded-For", true),
      { "x-forwarded-for": "1.1.1.1, 6.6.6.6, 10.0.0.1, 10.0.0.2" },
      "6.6.6.6",
    ],
  ];
  test.each(cases)(
    "of who the client is, %s is believed",
    async (_name, settings, headers, expected) => {
      const { seen } = await passed(settings, headers);
      expect(seen["x-real-ip"]).toBe(expected);
      // Routes are found by it, too.
      expect(seen["x-route"]).toBe(expected.startsWith("6.") ? expected : undefined);
    },
  );

  const sent = {
    "x-forwarded-for": "1.2.3.4",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.test",
    "x-forwarded-port": "8443",
    forwarded: "for=1.2.3.4",
  };

  test("without trusted addresses the list is kept, and the other forwarded headers are ours", async () => {
    const { seen, host } = await passed({}, sent);
    expect(seen).toMatchObject({
      "x-forwarded-for": "1.2.3.4, 127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
      "x-forwarded-port": host.split(":")[1],
    });
    expect(seen["forwarded"]).toBeUndefined();
  });

  test("of a trusted address what it sent is passed on, and ours stands in for what it did not", async () => {
    const settings = { trustedAddresses: ["127.0.0.0/8"] };
    const { seen } = await passed(settings, sent);
    expect(seen).toMatchObject({ ...sent, "x-forwarded-for": "1.2.3.4, 127.0.0.1" });
    const { seen: less, host } = await passed(settings, { "x-forwarded-proto": "https" });
    expect(less).toMatchObject({ "x-forwarded-proto": "https", "x-forwarded-host": host });
  });

  test("of any other address not even the list is kept", async () => {
    const { seen, host } = await passed({ trustedAddresses: ["10.0.0.1"] }, sent);
    expect(seen).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
    });
    expect(seen["forwarded"]).toBeUndefined();
  });
});
