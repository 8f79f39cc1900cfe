import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let service: Service;
let gate: Service;
let status = 200;

beforeAll(async () => {
  storeBed = await startSqlite();
  bed = await startGatewayBed({ storeUrl: storeBed.url });
  service = startService((request) => Response.json(request, { status }));
  gate = startService(({ headers }) =>
    headers["authorization"] === "good"
      ? new Response("", { headers: { "x-user": "jack" } })
      : new Response("who?", { status: 401, headers: { "www-authenticate": "X" } }),
  );
});

afterAll(async () => {
  await bed.stop();
  await storeBed.stop();
  await service.stop();
  await gate.stop();
});

const serve = (plugins: Readonly<Record<string, unknown>>): Promise<void> =>
  bed.put({ "routes/r": { uri: "/*", plugins, upstream: { nodes: { [service.node]: 1 } } } });

const send = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${bed.url}${path}`, { redirect: "manual", ...init });

test("hmac-auth lets signed requests in, with their bodies", async () => {
  await serve({ "hmac-auth": { validate_request_body: true, signed_headers: ["date", "digest"] } });
  await bed.put({
    "consumers/jack": {
      username: "jack",
      plugins: { "hmac-auth": { key_id: "k", secret_key: "s" } },
    },
  });
  const date = new Date().toUTCString();
  const digest = "SHA-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  const text = `k\nPOST /a?x=1\ndate: ${date}\ndigest: ${digest}\n`;
  const signature = createHmac("sha256", "s").update(text).digest("base64");
  const authorization = `Signature keyId="k",algorithm="hmac-sha256",headers="@request-target date digest",signature="${signature}"`;
  const init = { method: "POST", headers: { date, digest, authorization } };
  const reply = await send("/a?x=1", { ...init, body: "abc" });
  expect(await reply.json()).toMatchObject({
    body: "abc",
    headers: { "x-consumer-username": "jack" },
  });
  expect((await send("/a?x=1", { ...init, body: "abd" })).status).toBe(401);
  expect((await send("/a?x=2", { ...init, body: "abc" })).status).toBe(401);
});

test("csrf takes the token back that it gave out", async () => {
  await serve({ csrf: { key: "k" } });
  const cookie = (await send("/")).headers.get("set-cookie")?.split(";")[0] ?? "";
  const token = cookie.slice(cookie.indexOf("=") + 1);
  const headers = { cookie, "apisix-csrf-token": token };
  expect((await send("/", { method: "POST", headers })).status).toBe(200);
  expect((await send("/", { method: "POST", headers: { cookie } })).status).toBe(401);
});

test("request-validation passes on what it looked at", async () => {
  const body_schema = {
    type: "object",
    required: ["n"],
    properties: { n: { type: "integer" }, d: { default: "x" } },
  };
  await serve({ "request-validation": { body_schema } });
  const headers = { "content-type": "application/json" };
  const good = await send("/", { method: "POST", headers, body: '{ "n": 12345678901234567890 }' });
  expect(await good.json()).toMatchObject({ body: '{"n":12345678901234567890,"d":"x"}' });
  const bad = await send("/", { method: "POST", headers, body: '{"n":"1"}' });
  expect([bad.status, await bad.text()]).toEqual([
    400,
    'property "n" validation failed: wrong type: expected integer, got string',
  ]);
});

test("api-breaker gives an upstream that fails a rest, also one that is not there", async () => {
  await serve({ "api-breaker": { break_response_code: 418, unhealthy: { failures: 2 } } });
  status = 500;
  const statuses = [await send("/b"), await send("/b"), await send("/b"), await send("/c")];
  status = 200;
  expect(statuses.map((one) => one.status)).toEqual([500, 500, 418, 500]);
  const gone = startService(() => new Response());
  await gone.stop();
  const unhealthy = { http_statuses: [502], failures: 1 };
  await bed.put({
    "routes/gone": {
      uri: "/gone",
      plugins: { "api-breaker": { break_response_code: 418, unhealthy } },
      upstream: { nodes: { [gone.node]: 1 } },
    },
  });
  expect([(await send("/gone")).status, (await send("/gone")).status]).toEqual([502, 418]);
});

test("forward-auth asks its service, and passes on what it says", async () => {
  await serve({
    "forward-auth": {
      uri: `${gate.url}/check?a=1`,
      request_headers: ["Authorization"],
      upstream_headers: ["X-User"],
      client_headers: ["WWW-Authenticate"],
    },
  });
  const refused = await send("/a?x=1");
  expect([refused.status, await refused.text()]).toEqual([401, "who?"]);
  expect(refused.headers.get("www-authenticate")).toBe("X");
  const passed = await send("/a", { headers: { authorization: "good", "x-user": "evil" } });
  expect(await passed.json()).toHaveProperty(["headers", "x-user"], "jack");
  expect(gate.seen.at(-1)).toMatchObject({
    method: "GET",
    target: "/check?a=1",
    headers: { host: gate.node, "x-forwarded-uri": "/a", "x-forwarded-method": "GET" },
  });
  await bed.put({ "routes/r": null });
  const dead = startService(() => new Response());
  await dead.stop();
  await serve({ "forward-auth": { uri: dead.url, status_on_error: 503 } });
  expect((await send("/a")).status).toBe(503);
});
