import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import { type GatewayBed, servers, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

describe.each(servers)("with the server %s", (server) => {
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let echo: Service;

  beforeAll(async () => {
    storeBed = await startSqlite();
    bed = await startGatewayBed({ storeUrl: storeBed.url, settings: { server } });
    echo = startEcho();
  });

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    await echo.stop();
  });

  const route = (node: string, extra: Readonly<Record<string, unknown>> = {}) =>
    bed.put({
      "routes/proxy": {
        uri: "/*",
        upstream: { type: "roundrobin", nodes: { [node]: 1 }, ...extra },
      },
    });

  interface Echoed {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }

  describe("what the upstream gets", () => {
    beforeEach(() => route(echo.node));

    const ask = async (path: string, init: RequestInit = {}): Promise<Echoed> => {
      const response = await fetch(`${bed.url}${path}`, init);
      expect(response.status).toBe(200);
      // The echo service answers with this shape.
      return (await response.json()) as Echoed;
    };

    test("method, path, query and body as the client sent them", async () => {
      const seen = await ask("/a%20b/c?x=1&x=2&y=%2F", { method: "PUT", body: "exact bytes é" });
      expect(seen).toMatchObject({
        method: "PUT",
        target: "/a%20b/c?x=1&x=2&y=%2F",
        body: "exact bytes é",
      });
    });

    test("who the client is, in X-Real-IP and X-Forwarded-*; what it claims is kept or replaced", async () => {
      const { headers } = await ask("/", {
        headers: {
          "x-forwarded-for": "1.2.3.4",
          "x-forwarded-proto": "https",
        },
      });
      const { host } = new URL(bed.url);
      expect(headers).toMatchObject({
        host,
        "x-real-ip": "127.0.0.1",
        "x-forwarded-for": "1.2.3.4, 127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": host,
        "x-forwarded-port": host.split(":")[1],
      });
    });

    test("no header that ends at this hop", async () => {
      const { headers } = await ask("/", {
        headers: { te: "trailers", "proxy-connection": "close", "keep-alive": "5", "x-kept": "1" },
      });
      expect(Object.keys(headers)).not.toContain("te");
      expect(Object.keys(headers)).not.toContain("proxy-connection");
      expect(Object.keys(headers)).not.toContain("keep-alive");
      expect(Object.keys(headers)).not.toContain("via");
      expect(headers["x-kept"]).toBe("1");
    });

    test("the Host that pass_host says", async () => {
      await route(echo.node, { pass_host: "node" });
      expect((await ask("/")).headers["host"]).toBe(echo.node);
      await route(echo.node, { pass_host: "rewrite", upstream_host: "inside.test" });
      expect((await ask("/")).headers["host"]).toBe("inside.test");
    });

    test("a body of 3 MB, streamed, byte for byte", async () => {
      const body = "0123456789".repeat(300_000);
      const chunks = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < body.length; at += 100_000) {
            controller.enqueue(new TextEncoder().encode(body.slice(at, at + 100_000)));
          }
          controller.close();
        },
      });
      const seen = await ask("/", { method: "POST", body: chunks });
      expect(seen.body === body).toBe(true);
    });
  });

  describe("what the client gets", () => {
    let raw: RawServer;
    let reply = "";

    beforeAll(() => {
      raw = startRawServer({ onRequest: (_request, peer) => peer.write(reply) });
    });
    beforeEach(() => route(`127.0.0.1:${raw.port}`));
    afterAll(() => raw.stop());

    test("status, headers and body as the upstream sent them, Set-Cookie lines apart", async () => {
      reply =
        "HTTP/1.1 207 Multi-Status\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
        "X-Mixed-Case: yes\r\nServer: hidden\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nok";
      const response = await fetch(`${bed.url}/`);
      expect(response.status).toBe(207);
      expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
      expect(response.headers.get("x-mixed-case")).toBe("yes");
      expect(response.headers.get("server")).toBe("APISIX/3.18.0");
      expect(response.headers.has("x-hop")).toBe(false);
      expect(await response.text()).toBe("ok");
    });

    test("a HEAD reply keeps the length it announces and has no body", async () => {
      reply = "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n";
      const response = await fetch(`${bed.url}/`, { method: "HEAD" });
      expect(response.headers.get("content-length")).toBe("12345");
      expect(await response.text()).toBe("");
    });

    test("a 304 has no body", async () => {
      reply = 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n';
      const response = await fetch(`${bed.url}/`);
      expect(response.status).toBe(304);
      expect(response.headers.get("etag")).toBe('"1"');
    });

    test("a gzip body untouched", async () => {
      const packed = Bun.gzipSync(new TextEncoder().encode("zipped"));
      const upstream = startService(
        () => new Response(packed, { headers: { "content-encoding": "gzip" } }),
      );
      await route(upstream.node);
      const response = await fetch(`${bed.url}/`, { decompress: false });
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array(packed));
      await upstream.stop();
    });

    test("events as the upstream sends them, without waiting for the end", async () => {
      const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const upstream = startService(
        () =>
          new Response(
            new ReadableStream({
              async start(controller) {
                const send = (text: string) => controller.enqueue(new TextEncoder().encode(text));
                send("data: 1\n\n");
                await gates[0]?.promise;
                send("data: 2\n\n");
                await gates[1]?.promise;
                controller.close();
              },
            }),
            { headers: { "content-type": "text/event-stream" } },
          ),
      );
      await route(upstream.node);
      const response = await fetch(`${bed.url}/`);
      const reader = response.body!.getReader();
      const next = async () => new TextDecoder().decode((await reader.read()).value);
      expect(await next()).toBe("data: 1\n\n");
      gates[0]?.resolve();
      expect(await next()).toBe("data: 2\n\n");
      gates[1]?.resolve();
      expect((await reader.read()).done).toBe(true);
      await upstream.stop();
    });
  });

  describe("round robin", () => {
    test("spreads requests by weight and goes on over a change of another route", async () => {
      const nodes = [startService(() => new Response("a")), startService(() => new Response("b"))];
      await bed.put({
        "upstreams/two": {
          type: "roundrobin",
          nodes: { [nodes[0]!.node]: 3, [nodes[1]!.node]: 1 },
        },
        "routes/proxy": { uri: "/*", upstream_id: "two" },
      });
      for (let i = 0; i < 40; i++) await (await fetch(`${bed.url}/`)).text();
      expect([nodes[0]!.seen.length, nodes[1]!.seen.length]).toEqual([30, 10]);
      await Promise.all(nodes.map((node) => node.stop()));
    });

    test("a node that refuses is passed over, and the request still answered", async () => {
      const gone = startEcho();
      await gone.stop();
      await bed.put({
        "upstreams/two": {
          type: "roundrobin",
          nodes: { [gone.node]: 1, [echo.node]: 1 },
        },
        "routes/proxy": { uri: "/*", upstream_id: "two" },
      });
      for (let i = 0; i < 10; i++) {
        const response = await fetch(`${bed.url}/`, { method: "POST", body: "x" });
        expect(response.status).toBe(200);
        expect(response.headers.has("x-apisix-upstream-status")).toBe(false);
      }
    });
  });
});
