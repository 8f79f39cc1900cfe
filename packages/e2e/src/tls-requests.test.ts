import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, servers, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";
import { routeTo, startTlsBed, tlsPortOf } from "./bed/tls-bed.ts";
import { frontAuthority } from "./bed/tls-certificates.ts";
import { shakeHands } from "./bed/tls-client.ts";
import { bytesOf, type SecureClient, secureClients } from "./bed/tls-requests.ts";

const megabyte = 1024 * 1024;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const pairs = servers.flatMap((server) => secureClients.map((client) => ({ server, ...client })));

describe.each(pairs)(
  "requests over TLS by $protocol, server $server",
  ({ protocol, open, server }) => {
    let storeBed: StoreBed;
    let echo: Service;
    let bodies: Service;
    let bed: GatewayBed;
    let client: SecureClient;
    let aborted = 0;
    beforeAll(async () => {
      storeBed = await startSqlite();
      echo = startEcho();
      bodies = startService(async (seen, raw) => {
        if (seen.target === "/bodies/count") return new Response(String(seen.body.length));
        if (seen.target === "/bodies/large") return new Response(new Uint8Array(20 * megabyte));
        raw.signal.addEventListener("abort", () => {
          aborted++;
        });
        return new Response(drops(), { headers: { "content-type": "text/event-stream" } });
      });
      bed = await startTlsBed(
        storeBed.url,
        {
          "routes/all": routeTo(echo, "/*"),
          "routes/bodies": routeTo(bodies, "/bodies/*"),
          "routes/seen": routeTo(echo, "/seen", {
            vars: [
              ["scheme", "==", "https"],
              ["https", "==", "on"],
              ["ssl_server_name", "==", "shop.test"],
            ],
            plugins: {
              "proxy-rewrite": {
                headers: { set: { "x-seen": "$scheme $server_port $ssl_client_verify" } },
              },
            },
          }),
          "routes/secured": routeTo(echo, "/secured", {
            plugins: { redirect: { http_to_https: true } },
          }),
          "routes/missing": {
            uri: "/missing",
            plugins: { "fault-injection": { abort: { http_status: 404 } } },
          },
        },
        { server },
      );
      client = open(tlsPortOf(bed));
    });
    afterAll(async () => {
      client.close();
      await bed.stop();
      await echo.stop();
      await bodies.stop();
      await storeBed.stop();
    });

    test("say so to the upstream", async () => {
      const { status, body, headers } = await client.send({
        path: "/a?x=1",
        headers: { "x-forwarded-proto": "http", "x-forwarded-port": "1" },
      });
      expect(status).toBe(200);
      expect(JSON.parse(String(await bytesOf(body)))).toMatchObject({
        method: "GET",
        target: "/a?x=1",
        headers: {
          host: "shop.test",
          "x-forwarded-proto": "https",
          "x-forwarded-port": String(tlsPortOf(bed)),
          "x-forwarded-for": "127.0.0.1",
          "x-real-ip": "127.0.0.1",
        },
      });
      expect(headers["strict-transport-security"]).toBeUndefined();
    });

    test("are known as such to conditions and templates", async () => {
      const { body } = await client.send({ path: "/seen" });
      const { headers } = JSON.parse(String(await bytesOf(body)));
      expect(headers["x-seen"]).toBe(`https ${tlsPortOf(bed)} NONE`);
      expect((await fetch(`${bed.url}/seen`)).status).toBe(200);
      expect(echo.seen.at(-1)?.headers["x-seen"]).toBeUndefined();
    });

    test("are not redirected to https", async () => {
      const { status, body } = await client.send({ path: "/secured" });
      await bytesOf(body);
      expect(status).toBe(200);
    });

    test.each(["POST", "PUT", "PATCH", "DELETE"])("%s takes its body along", async (method) => {
      const { body } = await client.send({ method, path: "/a", body: "some text" });
      expect(JSON.parse(String(await bytesOf(body)))).toMatchObject({ method, body: "some text" });
    });

    test("a body of 20 MB arrives whole, in either direction", async () => {
      const up = await client.send({
        method: "POST",
        path: "/bodies/count",
        body: Buffer.alloc(20 * megabyte, "a"),
      });
      expect(String(await bytesOf(up.body))).toBe(String(20 * megabyte));
      const down = await client.send({ path: "/bodies/large" });
      expect((await bytesOf(down.body)).length).toBe(20 * megabyte);
    });

    test("HEAD and errors of the gateway are answered as over clear text", async () => {
      const head = await client.send({ method: "HEAD", path: "/a" });
      expect([head.status, (await bytesOf(head.body)).length]).toEqual([200, 0]);
      const missing = await client.send({ path: "/missing" });
      await bytesOf(missing.body);
      expect([missing.status, missing.headers["server"]]).toEqual([404, "APISIX/3.18.0"]);
    });

    test("200 at a time are each answered with their own", async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const { body } = await client.send({
            method: "POST",
            path: `/n/${i}`,
            body: `body ${i}`,
          });
          return JSON.parse(String(await bytesOf(body)));
        }),
      );
      for (const [i, answer] of answers.entries()) {
        expect(answer).toMatchObject({ target: `/n/${i}`, body: `body ${i}` });
      }
    });

    test("a stream arrives as it is sent, and is given up with its client", async () => {
      const before = aborted;
      const { body, cancel, headers } = await client.send({ path: "/bodies/stream" });
      expect(headers["content-type"]).toBe("text/event-stream");
      const { promise, resolve } = Promise.withResolvers<string>();
      body.once("data", (chunk) => resolve(String(chunk)));
      body.on("error", () => undefined);
      expect(await promise).toBe("data: 1\n\n");
      cancel();
      await until(() => aborted === before + 1);
    });

    test("the protocol is the one that was agreed on", async () => {
      const alpn = protocol === "HTTP/2" ? "h2" : "http/1.1";
      const shaken = await shakeHands({
        port: tlsPortOf(bed),
        servername: "shop.test",
        ALPNProtocols: [alpn],
      });
      expect("alpn" in shaken && shaken.alpn).toBe(alpn);
      if ("socket" in shaken) shaken.socket.destroy();
    });
  },
);

/** One event, and then nothing for ever. */
function drops(): ReadableStream {
  return new ReadableStream({
    start: (controller) => controller.enqueue("data: 1\n\n"),
  });
}

describe("the listener", () => {
  let storeBed: StoreBed;
  beforeAll(async () => {
    storeBed = await startSqlite();
  });
  afterAll(() => storeBed.stop());

  test("speaks no HTTP/2 where the settings say so", async () => {
    const settings = { ssl: { fallbackSni: null, http2: false, publicPort: null } };
    const bed = await startTlsBed(storeBed.url, {}, settings);
    cleanUps.push(bed.stop);
    const about = { port: tlsPortOf(bed), servername: "shop.test" };
    const both = await shakeHands({ ...about, ALPNProtocols: ["h2", "http/1.1"] });
    expect("alpn" in both && both.alpn).toBe("http/1.1");
    if ("socket" in both) both.socket.destroy();
    const only = await shakeHands({ ...about, ALPNProtocols: ["h2"] });
    expect(only).toEqual({ refused: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
  });

  test("is where http_to_https sends clients, unless they reach it elsewhere", async () => {
    const echo = startEcho();
    const redirecting = {
      "routes/1": routeTo(echo, "/*", { plugins: { redirect: { http_to_https: true } } }),
    };
    const locations: (string | null)[] = [];
    for (const [tlsListen, publicPort] of [
      ["127.0.0.1:19443", null],
      ["127.0.0.1:19443", 443],
      ["127.0.0.1:443", null],
      [null, null],
    ] as const) {
      const settings = { tlsListen, ssl: { fallbackSni: null, http2: true, publicPort } };
      const bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
      await bed.put({ "ssls/shop": null, ...redirecting });
      const answer = await fetch(`${bed.url}/a?b`, {
        redirect: "manual",
        headers: { host: "shop.test" },
      });
      locations.push(answer.headers.get("location"));
      await bed.stop();
    }
    await echo.stop();
    expect(locations).toEqual([
      "https://shop.test:19443/a?b",
      "https://shop.test/a?b",
      "https://shop.test/a?b",
      "https://shop.test/a?b",
    ]);
  });

  test.each([
    ["is believed, http_to_https sees to that", ["127.0.0.1"], [200, 301, 301]],
    ["is not believed, http_to_https redirects once more", [], [301, 301, 301]],
  ] as const)("where a proxy that ends TLS %s", async (_, trustedAddresses, expected) => {
    const echo = startEcho();
    const bed = await startGatewayBed({
      storeUrl: storeBed.url,
      settings: { trustedAddresses: [...trustedAddresses] },
    });
    cleanUps.push(echo.stop, bed.stop);
    await bed.put({
      "routes/1": routeTo(echo, "/*", { plugins: { redirect: { http_to_https: true } } }),
    });
    const statuses: number[] = [];
    for (const headers of [{ "x-forwarded-proto": "https" }, { "x-forwarded-proto": "http" }, {}]) {
      statuses.push((await fetch(bed.url, { redirect: "manual", headers })).status);
    }
    expect(statuses).toEqual([...expected]);
  });

  test("passes WebSockets on", async () => {
    const chat = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => {
        server.upgrade(request);
        return undefined;
      },
      websocket: { message: (socket, message) => void socket.send(`echo ${String(message)}`) },
    });
    const bed = await startTlsBed(storeBed.url, {
      "routes/1": {
        uri: "/*",
        enable_websocket: true,
        upstream: { type: "roundrobin", nodes: { [`127.0.0.1:${chat.port}`]: 1 } },
      },
    });
    cleanUps.push(() => chat.stop(true), bed.stop);
    const socket = new WebSocket(`wss://127.0.0.1:${tlsPortOf(bed)}/chat`, {
      headers: { host: "shop.test" },
      tls: { ca: frontAuthority, serverName: "shop.test" },
    });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    expect(await promise).toBe("echo hello");
    expect(bed.gateway.status().websockets).toBe(1);
    const closed = new Promise((hear) => socket.addEventListener("close", hear));
    socket.close();
    await closed;
    await until(() => bed.gateway.status().tls?.connections === 0);
  });
});
