import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import { type GatewayBed, servers, startGatewayBed } from "./bed/gateway-bed.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

// Headers that plugins add to what is otherwise passed on as it came, on both ways.

describe.each(servers)("with the server %s", (server) => {
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let upstream: RawServer;
  let answer = "";

  beforeAll(async () => {
    storeBed = await startSqlite();
    bed = await startGatewayBed({ storeUrl: storeBed.url, settings: { server } });
    upstream = startRawServer({ onRequest: (_request, peer) => peer.write(answer) });
    await serve({});
  });

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    upstream.stop();
  });

  const serve = (more: Readonly<Record<string, unknown>>) =>
    bed.put({
      "consumers/jack": { username: "jack", plugins: { "key-auth": { key: "k1" } } },
      "routes/counted": {
        uri: "/*",
        plugins: { "key-auth": {}, "limit-count": { count: 1000, time_window: 60 }, ...more },
        upstream: { type: "roundrobin", nodes: { [`127.0.0.1:${upstream.port}`]: 1 } },
      },
    });

  const ask = async (
    reply: string,
    headers: Readonly<Record<string, string>> = {},
    method = "GET",
  ) => {
    answer = reply;
    const response = await fetch(`${bed.url}/a`, { method, headers: { apikey: "k1", ...headers } });
    const text = await response.text();
    return { response, text, seen: upstream.requests.at(-1)?.headerLines ?? [] };
  };

  const ok = "HTTP/1.1 200 OK\r\nX-Up: 1\r\nContent-Length: 2\r\n\r\nok";
  const named = (lines: readonly string[], name: string): readonly string[] =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));

  test("the upstream is told who asks, beside all that the client sent", async () => {
    const { response, text, seen } = await ask(ok, { "x-own": "v" });
    expect([response.status, text, response.headers.get("x-up")]).toEqual([200, "ok", "1"]);
    expect(named(seen, "x-consumer-username")).toEqual(["X-Consumer-Username: jack"]);
    expect(named(seen, "x-own")).toHaveLength(1);
    expect(named(seen, "x-forwarded-for")).toHaveLength(1);
    expect(named(seen, "host")).toHaveLength(1);
  });

  test("what the client says of itself in such a header never gets there", async () => {
    const { seen } = await ask(ok, {
      "x-consumer-username": "root",
      "X-Consumer-Custom-Id": "1",
      "x-credential-identifier": "c",
    });
    expect(named(seen, "x-consumer-username")).toEqual(["X-Consumer-Username: jack"]);
    expect(named(seen, "x-consumer-custom-id")).toEqual([]);
    expect(named(seen, "x-credential-identifier")).toEqual([]);
  });

  const replies: [what: string, reply: string, method: string, status: number, text: string][] = [
    ["a body of a known length", ok, "GET", 200, "ok"],
    [
      "chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      "GET",
      200,
      "ok",
    ],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, ""],
    [
      "an error",
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno",
      "GET",
      503,
      "no",
    ],
    ["the head alone", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD", 200, ""],
  ];
  test.each(replies)(
    "the client is told what is left with %s",
    async (_, reply, method, status, body) => {
      const { response, text } = await ask(reply, {}, method);
      expect([response.status, text]).toEqual([status, body]);
      expect(response.headers.get("x-ratelimit-limit")).toBe("1000");
      expect(Number(response.headers.get("x-ratelimit-remaining"))).toBeLessThan(1000);
      expect(response.headers.get("x-ratelimit-reset")).not.toBeNull();
    },
  );

  test("a plugin that looks at the reply finds them there", async () => {
    await serve({
      "response-rewrite": { headers: { remove: ["X-RateLimit-Reset"], set: { "x-up": "2" } } },
    });
    const { response } = await ask(ok);
    expect(response.headers.get("x-ratelimit-limit")).toBe("1000");
    expect(response.headers.get("x-ratelimit-reset")).toBeNull();
    expect(response.headers.get("x-up")).toBe("2");
  });
});
