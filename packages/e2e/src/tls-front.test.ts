import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Agent, request } from "node:https";
import { type AddressInfo, connect, createServer } from "node:net";
import type { PartialSettings } from "@catena/gateway";
import { expiredServer } from "@catena/upstream/test-certificates";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, startSqlite, storeKinds } from "./bed/stores.ts";
import { frontAuthority, renewedShop, rsaShop, shop, wild } from "./bed/tls-certificates.ts";
import { ask, type ClientOptions, shakeHands } from "./bed/tls-client.ts";

const pair = ({ certificate, key }: { certificate: string; key: string }) => ({
  cert: certificate,
  key,
});

const everything = (service: Service) => ({
  uri: "/*",
  upstream: { type: "roundrobin", nodes: { [service.node]: 1 } },
});

const portOf = (bed: GatewayBed): number => bed.gateway.status().tls?.port ?? 0;

const listening = (bed: GatewayBed) => until(() => portOf(bed) > 0);

/** The certificate that is shown for a name; the code of the refusal without one. */
async function shownFor(bed: GatewayBed, options: Omit<ClientOptions, "port">): Promise<string> {
  const shaken = await shakeHands({ port: portOf(bed), ...options });
  if ("refused" in shaken) return shaken.refused;
  shaken.socket.destroy();
  return shaken.certificate;
}

const unrecognized = "ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME";

describe.each(storeKinds)("certificates from $name", ({ start }) => {
  let storeBed: StoreBed;
  let echo: Service;
  let bed: GatewayBed;
  beforeAll(async () => {
    storeBed = await start();
    echo = startEcho();
    bed = await startGatewayBed({ storeUrl: storeBed.url });
    await bed.put({ "routes/all": everything(echo) });
  });
  afterAll(async () => {
    await bed.stop();
    await echo.stop();
    await storeBed.stop();
  });

  test("nothing is listened to before there is one", () => {
    expect(bed.gateway.status().tls).toMatchObject({ port: null, reason: null, certificates: 0 });
  });

  test("are shown from the moment they are stored, and no more when they are gone", async () => {
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(shop) } });
    await listening(bed);
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(renewedShop) } });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(renewedShop.certificate);
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(renewedShop), status: 0 } });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(unrecognized);
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(shop) } });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(shop), type: "client" } });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(unrecognized);
    await bed.put({ "ssls/shop": null });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(unrecognized);
  });

  /** Changes the certificate of shop.test over and over until something is over. */
  async function whileChanging<T>(act: (changes: () => number) => Promise<T>): Promise<T> {
    let changes = 0;
    let isOver = false;
    const change = async () => {
      while (!isOver) {
        const next = changes % 2 === 0 ? shop : renewedShop;
        await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(next) } });
        changes++;
        // SQLite in this process waits for nothing: without a turn nobody else would get one.
        await new Promise(setImmediate);
      }
    };
    const changing = change();
    await until(() => changes > 0 && portOf(bed) > 0);
    const result = await act(() => changes).finally(() => {
      isOver = true;
    });
    await changing;
    return result;
  }

  test("20 connections with 10 requests each, a change before each: none fails, none is lost", async () => {
    const client = async (id: number, changes: () => number) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const sockets = new Set<unknown>();
      for (let i = 0; i < 10; i++) {
        const before = changes();
        await until(() => changes() > before);
        const { status, target, socket } = await get(agent, portOf(bed), `/${id}/${i}`);
        expect([status, target]).toEqual([200, `/${id}/${i}`]);
        sockets.add(socket);
      }
      agent.destroy();
      return sockets.size;
    };
    const sockets = await whileChanging((changes) =>
      Promise.all(Array.from({ length: 20 }, (_, id) => client(id, changes))),
    );
    expect(sockets).toEqual(Array.from({ length: 20 }, () => 1));
  });

  test("200 connections, 20 at a time, while the certificate changes: none fails", async () => {
    const shown = new Set<string>();
    const statuses = await whileChanging(() =>
      Promise.all(
        Array.from({ length: 20 }, async () => {
          const seen: number[] = [];
          for (let i = 0; i < 5; i++) {
            shown.add(await shownFor(bed, { servername: "shop.test" }));
            seen.push((await ask({ port: portOf(bed), servername: "shop.test" }, "/")).status);
          }
          return seen;
        }),
      ),
    );
    expect(new Set(statuses.flat())).toEqual(new Set([200]));
    expect(shown).toEqual(new Set([shop.certificate, renewedShop.certificate]));
  });
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A gateway with certificates and a route to a service that answers with what it was asked. */
async function startBed(
  ssls: Readonly<Record<string, unknown>>,
  settings: PartialSettings = {},
): Promise<GatewayBed> {
  const storeBed = await startSqlite();
  const echo = startEcho();
  const bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
  cleanUps.push(storeBed.stop, echo.stop, bed.stop);
  const resources = Object.entries(ssls).map(([id, ssl]) => [`ssls/${id}`, ssl]);
  await bed.put({ "routes/all": everything(echo), ...Object.fromEntries(resources) });
  return bed;
}

describe("a server name", () => {
  const byName: [asked: string, shown: string][] = [
    ["shop.test", shop.certificate],
    ["SHOP.test", shop.certificate],
    ["a.wild.test", wild.certificate],
    ["b.wild.test", renewedShop.certificate],
    ["a.b.wild.test", unrecognized],
    ["wild.test", unrecognized],
    ["other.test", unrecognized],
  ];
  test("finds its certificate: an exact one first, then a wildcard for one label", async () => {
    const bed = await startBed({
      shop: { snis: ["Shop.test", "b.wild.test."], ...pair(renewedShop) },
      first: { sni: "shop.test", ...pair(shop) },
      wild: { sni: "*.wild.test", ...pair(wild) },
    });
    // Of two for one name the one that was there first counts; here that goes.
    await bed.put({ "ssls/shop": { sni: "b.wild.test", ...pair(renewedShop) } });
    await listening(bed);
    for (const [asked, shown] of byName) {
      expect([asked, await shownFor(bed, { servername: asked })]).toEqual([asked, shown]);
    }
    const refusals = bed.logged.filter(({ message }) => message === "a TLS handshake is refused");
    expect(refusals).toMatchObject([{ server_name: "a.b.wild.test" }]);
    expect(bed.gateway.status().tls?.refused).toBe(3);
  });

  test("that a client does not say is the one of the settings, or there is no handshake", async () => {
    const ssls = { shop: { sni: "shop.test", ...pair(shop) } };
    const without = await startBed(ssls);
    const withOne = await startBed(ssls, {
      ssl: { fallbackSni: "Shop.test", http2: true, publicPort: null },
    });
    await listening(without);
    await listening(withOne);
    expect(await shownFor(without, {})).toBe(unrecognized);
    expect(await shownFor(withOne, {})).toBe(shop.certificate);
    expect(await shownFor(withOne, { servername: "other.test" })).toBe(unrecognized);
  });

  test("has a certificate for each sort of key", async () => {
    const bed = await startBed({
      shop: { sni: "shop.test", ...pair(shop), certs: [rsaShop.certificate], keys: [rsaShop.key] },
    });
    await listening(bed);
    const old = { servername: "shop.test", maxVersion: "TLSv1.2" } as const;
    expect(await shownFor(bed, { ...old, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" })).toBe(
      rsaShop.certificate,
    );
    expect(await shownFor(bed, { ...old, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" })).toBe(
      shop.certificate,
    );
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
  });
});

describe("versions of TLS", () => {
  const refused = "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION";
  const versions = ["TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
  const cases: [protocols: string[] | undefined, spoken: string[]][] = [
    [undefined, [refused, "TLSv1.2", "TLSv1.3"]],
    [["TLSv1.3"], [refused, refused, "TLSv1.3"]],
    [["TLSv1.2"], [refused, "TLSv1.2", refused]],
    [
      ["TLSv1.1", "TLSv1.2"],
      ["TLSv1.1", "TLSv1.2", refused],
    ],
    // BoringSSL speaks no range with a gap.
    [
      ["TLSv1.1", "TLSv1.3"],
      [refused, refused, "TLSv1.3"],
    ],
  ];
  test.each(cases)("%p", async (protocols, spoken) => {
    const bed = await startBed({
      shop: { sni: "shop.test", ...pair(shop), ssl_protocols: protocols },
    });
    await listening(bed);
    for (const [index, version] of versions.entries()) {
      const shaken = await shakeHands({
        port: portOf(bed),
        servername: "shop.test",
        minVersion: version,
        maxVersion: version,
      });
      expect("refused" in shaken ? shaken.refused : shaken.protocol).toBe(spoken[index] ?? null);
      if ("socket" in shaken) shaken.socket.destroy();
    }
  });
});

describe("a certificate that can't be served", () => {
  const broken: [what: string, ssl: object, reason: string][] = [
    [
      "whose key is another's",
      { cert: shop.certificate, key: wild.key },
      "key does not belong to the certificate",
    ],
    [
      "that is none",
      { cert: `-----BEGIN CERTIFICATE-----\n${"A".repeat(200)}`, key: shop.key },
      "cert can't be read: not a PEM certificate",
    ],
    [
      "whose key is none",
      { cert: shop.certificate, key: `-----BEGIN PRIVATE KEY-----\n${"A".repeat(200)}` },
      "key can't be read: not a PEM key without a passphrase",
    ],
    [
      "whose second key is missing",
      { ...pair(shop), certs: [rsaShop.certificate] },
      "mismatched number of certs and keys",
    ],
    [
      "whose second key is another's",
      { ...pair(shop), certs: [rsaShop.certificate], keys: [shop.key] },
      "key of pair 1 does not belong to the certificate",
    ],
    [
      "whose clients' authority is none",
      { ...pair(shop), client: { ca: `-----BEGIN CERTIFICATE-----\n${"A".repeat(200)}` } },
      "client.ca can't be read: not a PEM certificate",
    ],
  ];
  test.each(broken)("%s is told on /status, and others are served", async (_, ssl, reason) => {
    const bed = await startBed({
      wild: { sni: "*.wild.test", ...pair(wild) },
      shop: { sni: "shop.test", ...ssl },
    });
    await listening(bed);
    expect(bed.gateway.status().unserved).toEqual([{ resource: "ssls/shop", reason }]);
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(unrecognized);
    expect(await shownFor(bed, { servername: "a.wild.test" })).toBe(wild.certificate);
    expect(JSON.stringify(bed.logged)).not.toContain("PRIVATE");
    await bed.put({ "ssls/shop": { sni: "shop.test", ...pair(shop) } });
    expect(bed.gateway.status().unserved).toEqual([]);
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
  });

  test("leaves the version before it in place", async () => {
    const bed = await startBed({ shop: { sni: "shop.test", ...pair(shop) } });
    await listening(bed);
    await bed.put({ "ssls/shop": { sni: "shop.test", cert: shop.certificate, key: wild.key } });
    expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
    expect(bed.gateway.status().unserved).toEqual([
      {
        resource: "ssls/shop",
        reason: "key does not belong to the certificate; its last good version is served",
      },
    ]);
  });
});

test("an expired certificate is served, with a warning", async () => {
  const bed = await startBed({ old: { sni: "api.test", ...pair(expiredServer) } });
  await listening(bed);
  const shown = await shownFor(bed, { servername: "api.test", rejectUnauthorized: false });
  expect(shown).toBe(expiredServer.certificate);
  expect(bed.gateway.status().tls?.expired).toEqual(["ssls/old"]);
  expect(bed.logged).toContainEqual(
    expect.objectContaining({
      level: "warn",
      resource: "ssls/old",
      reason: expect.stringContaining("expired 2020-01-02"),
    }),
  );
});

test("a port that is taken is told, and had as soon as it is free", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has one.
  const { port } = other.address() as AddressInfo;
  const bed = await startBed(
    { shop: { sni: "shop.test", ...pair(shop) } },
    { tlsListen: `127.0.0.1:${port}` },
  );
  await until(() => bed.gateway.status().tls?.reason !== null);
  expect(bed.gateway.status().tls).toMatchObject({
    port: null,
    reason: expect.stringContaining("set tlsListen (CATENA_TLS_LISTEN) to another host:port"),
  });
  await new Promise((resolve) => other.close(resolve));
  await listening(bed);
  expect(await shownFor(bed, { servername: "shop.test" })).toBe(shop.certificate);
});

test("no TLS where the settings allow none", async () => {
  const bed = await startBed({ shop: { sni: "shop.test", ...pair(shop) } }, { tlsListen: null });
  expect(bed.gateway.status().tls).toBeNull();
});

test("a client that speaks no TLS is sent away", async () => {
  const bed = await startBed({ shop: { sni: "shop.test", ...pair(shop) } });
  await listening(bed);
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const socket = connect(portOf(bed), "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
  socket.once("data", resolve);
  // A fatal alert.
  expect((await promise).subarray(0, 6).toString("hex")).toBe("150301000202");
  expect(bed.gateway.status().tls?.refused).toBe(1);
});

interface Got {
  readonly status: number | undefined;
  readonly target: unknown;
  readonly socket: unknown;
}

function get(agent: Agent, port: number, path: string): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const outgoing = request(
    {
      agent,
      host: "127.0.0.1",
      port,
      path,
      servername: "shop.test",
      ca: frontAuthority,
      headers: { host: "shop.test" },
    },
    async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({
        status: response.statusCode,
        target: JSON.parse(text).target,
        socket: outgoing.socket,
      });
    },
  );
  outgoing.once("error", reject);
  outgoing.end();
  return promise;
}
