import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

describe("a service or client that misbehaves", () => {
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let upstream: Service;
  let raw: RawServer;
  let good: Service;

  beforeAll(async () => {
    storeBed = await startSqlite();
    bed = await startGatewayBed({ storeUrl: storeBed.url });
    upstream = startEcho();
    good = startService(() => Response.json({ good: 1 }));
    raw = startRawServer({
      onRequest: ({ target }, peer) => {
        if (target === "/hang") return;
        if (target === "/reset") peer.reset();
        if (target === "/half") {
          peer.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":');
          peer.reset();
        }
        if (target === "/html") {
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>");
        }
        if (target === "/huge") {
          const body = `{"p":"${"x".repeat(10 * 1024 * 1024)}"}`;
          peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        }
        if (target === "/no-content") peer.write("HTTP/1.1 204 No Content\r\n\r\n");
        if (target === "/garbage") peer.write("not http at all\r\n\r\n");
      },
    });
  });

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    await upstream.stop();
    await good.stop();
    raw.stop();
  });

  const chainOf = async (path: string, extra: Readonly<Record<string, unknown>> = {}) => {
    await bed.put({
      "routes/chain": {
        uri: "/chain",
        plugins: {
          "proxy-chain": {
            services: [{ uri: `http://127.0.0.1:${raw.port}${path}`, ...extra }],
          },
        },
        upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
      },
    });
    return fetch(`${bed.url}/chain`, { method: "POST", body: '{"kept":1}' });
  };

  test.each([
    ["hangs", "/hang", { timeout: 80 }, 500, "Failed to call service: services[0]"],
    ["resets before it answers", "/reset", {}, 500, "Failed to call service: services[0]"],
    ["resets mid-body", "/half", {}, 500, "Failed to call service: services[0]"],
    ["answers HTML", "/html", {}, 500, "Invalid JSON in response from services[0]"],
    [
      "answers 10 MB",
      "/huge",
      {},
      502,
      'the response of step "services[0]" is larger than 4194304 bytes',
    ],
    ["answers what is no HTTP", "/garbage", {}, 500, "Failed to call service: services[0]"],
  ] as const)("a service that %s", async (_name, path, extra, status, text) => {
    upstream.seen.length = 0;
    const response = await chainOf(path, extra);
    expect({ status: response.status, body: await response.text() }).toEqual({
      status,
      body: JSON.stringify({ error: text }),
    });
    expect(upstream.seen).toEqual([]);
    expect(bed.logged.at(-1)).toMatchObject({ message: "chain failed" });
  });

  test("a service that answers 204 merges nothing", async () => {
    const response = await chainOf("/no-content");
    expect(((await response.json()) as { body: string }).body).toBe('{"kept":1}');
  });

  test("a gateway that met all of them keeps no connection open to them", async () => {
    await until(
      () => bed.gateway.status().requests_in_flight === 0,
      () => JSON.stringify(bed.gateway.status()),
    );
    const { open, idle } = bed.gateway.status().connections;
    expect(open).toBe(idle);
  });

  test("a client that leaves mid-chain ends the chain: no further service is called", async () => {
    good.seen.length = 0;
    await bed.put({
      "routes/chain": {
        uri: "/chain",
        plugins: {
          "proxy-chain": {
            services: [{ uri: `http://127.0.0.1:${raw.port}/hang` }, { uri: good.url }],
          },
        },
        upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
      },
    });
    const before = raw.requests.length;
    const leaving = new AbortController();
    const request = fetch(`${bed.url}/chain`, {
      method: "POST",
      body: "{}",
      signal: leaving.signal,
    }).catch((error: unknown) => error);
    await until(() => raw.requests.length > before);
    const openBefore = raw.openCount;
    leaving.abort();
    await request;
    await until(() => raw.openCount < openBefore);
    await until(() => bed.gateway.status().requests_in_flight === 0);
    expect(good.seen).toEqual([]);
  });

  test.each([
    ["invalid JSON", "POST", '{"a":', 400],
    ["an array", "POST", "[1]", 400],
    ["an empty body", "POST", "", 200],
    ["a scalar", "POST", "5", 400],
  ] as const)("a client that sends %s", async (_name, method, body, status) => {
    await bed.put({
      "routes/chain": {
        uri: "/chain",
        plugins: { "proxy-chain": { services: [{ uri: good.url }] } },
        upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
      },
    });
    const response = await fetch(`${bed.url}/chain`, {
      method,
      body,
      headers: { "content-type": "application/json" },
    });
    const text = await response.text();
    expect({ status: response.status, text }).toMatchObject({ status });
    if (status === 400) expect(Object.keys(JSON.parse(text))).toContain("error");
  });

  test("an upstream that refuses is APISIX's 502 page with X-APISIX-Upstream-Status", async () => {
    const gone = startEcho();
    await gone.stop();
    await bed.put({
      "routes/chain": {
        uri: "/chain",
        upstream: { type: "roundrobin", nodes: { [gone.node]: 1 } },
      },
    });
    const response = await fetch(`${bed.url}/chain`);
    expect(response.status).toBe(502);
    expect(response.headers.get("x-apisix-upstream-status")).toBe("502");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await response.text()).toContain("<center><h1>502 Bad Gateway</h1></center>");
  });

  test("an upstream that hangs is 504 after the route's read timeout", async () => {
    await bed.put({
      "routes/chain": {
        uri: "/hang",
        timeout: { connect: 1, send: 1, read: 0.08 },
        upstream: { type: "roundrobin", nodes: { [`127.0.0.1:${raw.port}`]: 1 } },
      },
    });
    const response = await fetch(`${bed.url}/hang`);
    expect(response.status).toBe(504);
    expect(response.headers.get("x-apisix-upstream-status")).toBe("504");
  });

  test("without a route the answer is APISIX's 404", async () => {
    const response = await fetch(`${bed.url}/nothing`);
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('{"error_msg":"404 Route Not Found"}\n');
  });
});
