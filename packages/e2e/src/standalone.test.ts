import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatenaProcess, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";

setDefaultTimeout(60_000);

const adminKey = "standalone-test-admin-key";
const viewerKey = "standalone-test-viewer-key";
let folder: string;
let one: Service;
let two: Service;
let catena: CatenaProcess;

const start = () =>
  startCatena(["start"], folder, {
    CATENA_STORE: `sqlite:${join(folder, "catena.db")}`,
    CATENA_ADMIN_KEY: adminKey,
    CATENA_ADMIN_KEYS: JSON.stringify([{ name: "board", role: "viewer", key: viewerKey }]),
    CATENA_ADMIN_STANDALONE: "true",
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "catena-standalone-"));
  one = startService(() => new Response("one"));
  two = startService(() => new Response("two"));
  catena = await start();
});
afterAll(async () => {
  await catena?.stop();
  await Promise.all([one?.stop(), two?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function call(
  method: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  path = "/configs",
): Promise<Response> {
  return fetch(`${catena.adminUrl}/apisix/admin${path}`, {
    method,
    headers: { "x-api-key": adminKey, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

const config = (node: string, more: object = {}) => ({
  upstreams: [{ id: "u", nodes: { [node]: 1 }, type: "roundrobin" }],
  routes: [{ id: "r", uri: "/hello", upstream_id: "u" }],
  ...more,
});

const ask = async (path = "/hello", headers: Readonly<Record<string, string>> = {}) => {
  const reply = await fetch(catena.url + path, { headers });
  return reply.status === 200 ? await reply.text() : reply.status;
};

test("a whole configuration that is put is served, and nothing before it", async () => {
  expect(await ask()).toBe(404);
  const reply = await call("PUT", config(one.node), { "x-digest": "first" });
  expect(reply.status).toBe(202);
  expect(reply.headers.get("x-digest")).toBe("first");
  await until(async () => (await ask()) === "one");
});

test("the digest of what is there changes nothing", async () => {
  const reply = await call("PUT", config(two.node), { "x-digest": "first" });
  expect(reply.status).toBe(204);
  expect(await ask()).toBe("one");
});

test("the next one takes its place as a whole", async () => {
  const routes = [{ id: "other", uri: "/other", upstream_id: "u" }];
  const yaml = Bun.YAML.stringify({ ...config(two.node), routes });
  const headers = { "x-digest": "second", "content-type": "application/yaml" };
  expect((await call("PUT", yaml, headers)).status).toBe(202);
  await until(async () => (await ask("/other")) === "two");
  expect(await ask()).toBe(404);
});

test("a configuration that is not valid changes nothing", async () => {
  const wrong = { ...config(one.node), routes: [{ id: "r", uri: 5 }] };
  const reply = await call("PUT", wrong, { "x-digest": "wrong" });
  expect(reply.status).toBe(400);
  expect(await reply.text()).toContain("invalid routes at index 0");
  expect(await ask("/other")).toBe("two");
  expect((await call("HEAD")).headers.get("x-digest")).toBe("second");
});

test("versions that go back are refused, equal ones keep their part", async () => {
  const newer = config(one.node, { routes_conf_version: 100, upstreams_conf_version: 100 });
  expect((await call("PUT", newer, { "x-digest": "third" })).status).toBe(202);
  await until(async () => (await ask()) === "one");
  const older = config(two.node, { routes_conf_version: 99 });
  const refused = await call("PUT", older, { "x-digest": "fourth" });
  expect(await refused.json()).toEqual({
    error_msg: "routes_conf_version must be greater than or equal to (100)",
  });
  const kept = config(two.node, { routes_conf_version: 101, upstreams_conf_version: 100 });
  expect((await call("PUT", kept, { "x-digest": "fifth" })).status).toBe(202);
  expect(await ask()).toBe("one");
});

test("consumers, their credentials and global rules are part of it", async () => {
  const whole = config(one.node, {
    routes: [{ id: "r", uri: "/hello", upstream_id: "u", plugins: { "key-auth": {} } }],
    consumers: [
      { username: "jack" },
      { id: "jack/credentials/c", plugins: { "key-auth": { key: "key-of-jack" } } },
    ],
    global_rules: [
      { id: "g", plugins: { "response-rewrite": { headers: { set: { "X-G": "1" } } } } },
    ],
  });
  expect((await call("PUT", whole, { "x-digest": "sixth" })).status).toBe(202);
  await until(async () => (await ask("/hello", { apikey: "key-of-jack" })) === "one");
  expect(await ask("/hello", { apikey: "another" })).toBe(401);
  const reply = await fetch(`${catena.url}/hello`, { headers: { apikey: "key-of-jack" } });
  expect(reply.headers.get("x-g")).toBe("1");
});

test("it is read as it was put, and outlives the process", async () => {
  const read = async (): Promise<unknown> => (await call("GET")).json();
  const before = await read();
  expect(before).toMatchObject({
    consumers: [{ username: "jack" }, { id: "jack/credentials/c" }],
    "X-Digest": "sixth",
  });
  expect(await catena.stop()).toBe(0);
  catena = await start();
  expect(await read()).toEqual(before);
  await until(async () => (await ask("/hello", { apikey: "key-of-jack" })) === "one");
});

test("a viewer reads it, without private keys, and may not put one", async () => {
  const headers = { "x-api-key": viewerKey, "x-digest": "seventh" };
  expect((await call("GET", undefined, headers)).status).toBe(200);
  expect((await call("PUT", config(two.node), headers)).status).toBe(401);
});

test("single resources have no endpoints", async () => {
  expect((await call("GET", undefined, {}, "/routes")).status).toBe(404);
  expect((await call("PUT", { uri: "/x" }, {}, "/routes/x")).status).toBe(404);
});
