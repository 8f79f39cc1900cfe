import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let service: Service;
const open: ReadableStreamDefaultController<Uint8Array>[] = [];

beforeAll(async () => {
  storeBed = await startSqlite();
  bed = await startGatewayBed({ storeUrl: storeBed.url });
  service = startService((request) => {
    if (!request.target.startsWith("/stream")) return Response.json(request);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        open.push(controller);
        controller.enqueue(Buffer.from("first "));
      },
    });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
});

afterAll(async () => {
  await bed.stop();
  await storeBed.stop();
  await service.stop();
});

const serve = (plugins: Readonly<Record<string, unknown>>, extra = {}): Promise<void> =>
  bed.put({
    "routes/r": {
      uri: "/*",
      plugins,
      upstream: { type: "roundrobin", nodes: { [service.node]: 1 } },
      ...extra,
    },
  });

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${bed.url}${path}`, { headers, redirect: "manual" });

/** Sends bytes as they are and gives back all that comes. */
function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(bed.url);
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (chunk) => {
      received += String(chunk);
    });
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
  });
}

describe("consumers and limits", () => {
  test("a key is good from the moment its consumer is written until it is removed", async () => {
    await serve({ "key-auth": { hide_credentials: true } });
    expect((await get("/a", { apikey: "k1" })).status).toBe(401);
    await bed.put({
      "consumers/jack": { username: "jack", plugins: { "key-auth": { key: "k1" } } },
      "credentials/jack/credentials/c1": { plugins: { "key-auth": { key: "k2" } } },
    });
    const seen = await (await get("/a", { apikey: "k1" })).json();
    expect(seen).toHaveProperty(["headers", "x-consumer-username"], "jack");
    expect(seen).not.toHaveProperty(["headers", "apikey"]);
    const byCredential = await (await get("/a?apikey=k2&x=1")).json();
    expect(byCredential).toMatchObject({
      target: "/a?x=1",
      headers: { "x-credential-identifier": "c1" },
    });
    await bed.put({ "consumers/jack": null, "credentials/jack/credentials/c1": null });
    expect((await get("/a", { apikey: "k2" })).status).toBe(401);
  });

  test("a count goes on when another part of the route changes", async () => {
    const limit = { "limit-count": { count: 2, time_window: 3600, rejected_code: 429 } };
    await serve(limit);
    const first = await get("/a");
    expect(first.headers.get("x-ratelimit-remaining")).toBe("1");
    expect(first.headers.get("x-ratelimit-reset")).toBe("3600");
    await serve({ ...limit, cors: {} });
    expect((await get("/a")).headers.get("x-ratelimit-remaining")).toBe("0");
    expect((await get("/a")).status).toBe(429);
    await serve({ "limit-count": { ...limit["limit-count"], count: 3 } });
    expect((await get("/a")).headers.get("x-ratelimit-remaining")).toBe("2");
  });

  test("a place is held as long as the reply is on its way, and no longer", async () => {
    const limit = { conn: 1, burst: 0, default_conn_delay: 0.001, key: "remote_addr" };
    await serve({ "limit-conn": limit });
    const held = await get("/stream");
    expect((await get("/a")).status).toBe(503);
    open.at(-1)?.close();
    expect(await held.text()).toBe("first ");
    await until(async () => (await get("/a")).status === 200);
    const left = new AbortController();
    await fetch(`${bed.url}/stream`, { signal: left.signal });
    expect((await get("/a")).status).toBe(503);
    left.abort();
    await until(async () => (await get("/a")).status === 200);
  });
});

describe("requests", () => {
  test("are rewritten on their way to the upstream", async () => {
    await serve({
      "request-id": {},
      "proxy-rewrite": {
        regex_uri: ["^/a/(.*)$", "/b/$1"],
        method: "PUT",
        host: "other.test",
        headers: { set: { "X-Id": "$http_x_request_id", "X-Last": "$1" }, remove: ["X-Old"] },
      },
    });
    const response = await get("/a/x%20y?q=1", { "x-old": "1", "x-request-id": "mine" });
    expect(await response.json()).toMatchObject({
      method: "PUT",
      target: "/b/x%20y?q=1",
      headers: { host: "other.test", "x-id": "mine", "x-last": "x y" },
    });
    expect(response.headers.get("x-request-id")).toBe("mine");
  });

  test("whose body of unknown length is too long are refused before the upstream sees them", async () => {
    await serve({ "client-control": { max_body_size: 4 } });
    const before = service.seen.length;
    const head =
      "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(await sendRaw(`${head}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`)).toStartWith("HTTP/1.1 413 ");
    expect(service.seen).toHaveLength(before);
    const fitting = await sendRaw(`${head}3\r\nabc\r\n0\r\n\r\n`);
    expect(fitting).toStartWith("HTTP/1.1 200 ");
    expect(service.seen.at(-1)?.body).toBe("abc");
  });

  test("can't add headers to what goes upstream or comes back", async () => {
    await serve({
      "proxy-rewrite": { headers: { set: { "X-A": "$arg_a" } } },
      "response-rewrite": { headers: { set: { "X-B": "$arg_a" } } },
    });
    const response = await get("/?a=1%0D%0AX-Admin:%201");
    expect(response.headers.get("x-b")).toBe("1%0D%0AX-Admin: 1");
    expect(response.headers.has("x-admin")).toBe(false);
    const seen = service.seen.at(-1)?.headers;
    expect(seen?.["x-a"]).toBe("1%0D%0AX-Admin: 1");
    expect(seen).not.toHaveProperty("x-admin");
  });
});

describe("replies", () => {
  test("are filtered while they stream, compressed last, and end when the upstream ends", async () => {
    await serve({
      "response-rewrite": { filters: [{ regex: "first", replace: "1st" }] },
      gzip: { types: ["text/plain"], min_length: 1 },
      echo: { before_body: "<", after_body: ">" },
    });
    const before = open.length;
    const pending = get("/stream", { "accept-encoding": "gzip" });
    await until(() => open.length > before);
    open.at(-1)?.enqueue(Buffer.from("last"));
    open.at(-1)?.close();
    const response = await pending;
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await response.text()).toBe("<1st last>");
  });

  test("to HEAD have the headers and no body", async () => {
    await serve({ echo: { body: "text", headers: { "X-E": "1" } } });
    const response = await fetch(`${bed.url}/a`, { method: "HEAD" });
    expect([response.status, response.headers.get("x-e")]).toEqual([200, "1"]);
    expect(await response.text()).toBe("");
  });

  test("are faked, redirected and refused without the upstream", async () => {
    const before = service.seen.length;
    await serve({ mocking: { response_example: "hi $remote_addr", content_type: "text/plain" } });
    expect(await (await get("/a")).text()).toBe("hi 127.0.0.1");
    await serve({ redirect: { uri: "/new?$args" } });
    const moved = await get("/a?x=1");
    expect([moved.status, moved.headers.get("location")]).toEqual([302, "/new?x=1"]);
    await serve({ "ip-restriction": { blacklist: ["127.0.0.0/8"] } });
    expect((await get("/a")).status).toBe(403);
    await serve({ "fault-injection": { abort: { http_status: 418, body: "teapot" } } });
    expect((await get("/a")).status).toBe(418);
    expect(service.seen).toHaveLength(before);
  });
});
