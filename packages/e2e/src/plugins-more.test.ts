import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createCipheriv } from "node:crypto";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let service: Service;
let other: Service;
let answers = 0;

beforeAll(async () => {
  storeBed = await startSqlite();
  bed = await startGatewayBed({ storeUrl: storeBed.url });
  service = startService((request) => Response.json({ ...request, answer: ++answers }));
  other = startService(({ body }) => {
    const { input } = JSON.parse(body || "{}") as { input?: { request: { path: string } } };
    return Response.json({ result: { allow: input?.request.path === "/good", reason: "no" } });
  });
  await bed.put({
    "consumers/jack": {
      username: "jack",
      labels: { team: "a" },
      plugins: {
        "key-auth": { key: "k" },
        "basic-auth": { username: "jack", password: "pw" },
        "jwe-decrypt": { key: "jk", secret: "12345678901234567890123456789012" },
      },
    },
    "consumers/bob": { username: "bob", plugins: { "key-auth": { key: "b" } } },
  });
});

afterAll(async () => {
  await bed.stop();
  await storeBed.stop();
  await service.stop();
  await other.stop();
});

const serve = (plugins: Readonly<Record<string, unknown>>, extra = {}): Promise<void> =>
  bed.put({
    "routes/r": { uri: "/*", plugins, upstream: { nodes: { [service.node]: 1 } }, ...extra },
  });

const send = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${bed.url}${path}`, { redirect: "manual", ...init });

const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
  (await send(path, { headers })).status;

describe("who may", () => {
  test("multi-auth lets in by one of several plugins", async () => {
    await serve({ "multi-auth": { auth_plugins: [{ "basic-auth": {} }, { "key-auth": {} }] } });
    const basic = { authorization: `Basic ${btoa("jack:pw")}` };
    expect([
      await status("/"),
      await status("/", basic),
      await status("/", { apikey: "k" }),
    ]).toEqual([401, 200, 200]);
  });

  test("acl lets in by labels, and the upstream is told of them", async () => {
    await serve({
      "key-auth": {},
      acl: { allow_labels: { team: ["a"] } },
      "attach-consumer-label": { headers: { "X-Team": "$team" } },
    });
    expect(await status("/", { apikey: "b" })).toBe(403);
    const seen = await (await send("/", { headers: { apikey: "k", "x-team": "evil" } })).json();
    expect(seen).toHaveProperty(["headers", "x-team"], "a");
  });

  test("opa decides", async () => {
    await serve({ opa: { host: other.url, policy: "p", with_route: true } });
    expect([await status("/good"), await status("/bad")]).toEqual([200, 403]);
    expect(other.seen.at(-1)).toMatchObject({ method: "POST", target: "/v1/data/p" });
    const { input } = JSON.parse(other.seen.at(-1)?.body ?? "{}") as { input: object };
    expect(input).toMatchObject({ route: { uri: "/*", plugins: {} } });
    expect(input).not.toHaveProperty("route.upstream");
  });

  test("jwe-decrypt tells the upstream what was in a token", async () => {
    await serve({ "jwe-decrypt": { header: "Authorization", forward_header: "X-Content" } });
    const iv = Buffer.alloc(12, 1);
    const cipher = createCipheriv("aes-256-gcm", "12345678901234567890123456789012", iv);
    const text = Buffer.concat([cipher.update("hello"), cipher.final()]);
    const head = Buffer.from(JSON.stringify({ alg: "dir", enc: "A256GCM", kid: "jk" }));
    const parts = [head, Buffer.alloc(0), iv, text, cipher.getAuthTag()];
    const authorization = parts.map((part) => part.toString("base64url")).join(".");
    const seen = await (await send("/", { headers: { authorization } })).json();
    expect(seen).toHaveProperty(["headers", "x-content"], "hello");
    expect(await status("/")).toBe(403);
  });
});

describe("traffic", () => {
  test("workflow limits and answers by conditions", async () => {
    const limit = { count: 1, time_window: 60, rejected_code: 429, key: "remote_addr" };
    await serve({
      workflow: {
        rules: [
          { case: [["uri", "==", "/limited"]], actions: [["limit-count", limit]] },
          { case: [["uri", "==", "/shut"]], actions: [["return", { code: 403 }]] },
        ],
      },
    });
    const seen = [];
    for (const path of ["/limited", "/limited", "/shut", "/"]) seen.push(await status(path));
    expect(seen).toEqual([200, 429, 403, 200]);
  });

  test("traffic-label marks requests", async () => {
    await serve({
      "traffic-label": { rules: [{ actions: [{ set_headers: { "X-L": "$arg_x" } }] }] },
    });
    expect(await (await send("/?x=1")).json()).toHaveProperty(["headers", "x-l"], "1");
  });

  test("proxy-mirror sends copies, and does not wait for them", async () => {
    const mirror = startService(() => new Promise<Response>(() => undefined));
    await serve({ "proxy-mirror": { host: mirror.url }, "proxy-rewrite": { uri: "/new" } });
    const reply = await send("/a?x=1", { method: "POST", body: "abc", headers: { "x-a": "1" } });
    expect(await reply.json()).toMatchObject({ target: "/new?x=1", body: "abc" });
    await until(() => mirror.seen.length === 1);
    expect(mirror.seen[0]).toMatchObject({
      method: "POST",
      target: "/a?x=1",
      body: "abc",
      headers: { "x-a": "1", host: new URL(bed.url).host },
    });
    await mirror.stop();
  });
});

describe("proxy-cache", () => {
  const memory = { cache_strategy: "memory", cache_zone: "memory_cache" };
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const reply = await send(path, { headers });
    const { answer } = (await reply.json()) as { answer: number };
    return [reply.headers.get("apisix-cache-status"), answer] as const;
  };

  test("answers with what it has, until it is purged", async () => {
    await serve({ "proxy-cache": memory });
    const [first, answer] = await get("/cached");
    expect([first, await get("/cached")]).toEqual(["MISS", ["HIT", answer]]);
    expect((await get("/cached?x=1"))[0]).toBe("MISS");
    const purge = await send("/cached", { method: "PURGE" });
    expect([purge.status, (await get("/cached"))[0]]).toEqual([200, "MISS"]);
  });

  test("has replies of each consumer", async () => {
    await serve({ "proxy-cache": memory, "key-auth": {} });
    const jack = await get("/mine", { apikey: "k" });
    expect((await get("/mine", { apikey: "b" }))[0]).toBe("MISS");
    expect(await get("/mine", { apikey: "k" })).toEqual(["HIT", jack[1]]);
    expect(await status("/mine")).toBe(401);
  });

  test("answers HEAD with what it has of GET", async () => {
    await serve({ "proxy-cache": memory });
    await get("/head");
    const head = await send("/head", { method: "HEAD" });
    expect([head.headers.get("apisix-cache-status"), await head.text()]).toEqual(["HIT", ""]);
  });
});

test("degraphql makes GraphQL of arguments and of JSON", async () => {
  const query = "query($n: String) { user(name: $n) { id } }";
  await serve({ degraphql: { query, variables: ["n"] }, "proxy-buffering": {} });
  const get = (await (await send("/g?n=a%20b")).json()) as { target: string };
  expect(Object.fromEntries(new URL(get.target, bed.url).searchParams)).toEqual({
    variables: '{"n":"a b"}',
    query,
  });
  const post = await (await send("/g", { method: "POST", body: '{"n":"x"}' })).json();
  expect(post).toMatchObject({
    body: JSON.stringify({ variables: { n: "x" }, query }),
    headers: { "content-type": "application/json" },
  });
});

test("what can't run here keeps its route from being served, and /status tells why", async () => {
  await serve({ "serverless-pre-function": { functions: ["return function() end"] } });
  expect(await status("/")).toBe(503);
  const [fault] = bed.gateway.status().unserved;
  expect(fault).toMatchObject({ resource: "routes/r" });
  expect(fault?.reason).toContain("Lua code, which can't run here");
});
