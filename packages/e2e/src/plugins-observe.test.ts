import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let service: Service;
let logs: Service;
let logsStatus = 200;
const open: ReadableStreamDefaultController<Uint8Array>[] = [];

beforeAll(async () => {
  storeBed = await startSqlite();
  bed = await startGatewayBed({ storeUrl: storeBed.url });
  logs = startService(() => new Response("ok", { status: logsStatus }));
  service = startService((request) => {
    if (!request.target.startsWith("/stream")) return Response.json(request);
    return new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          open.push(controller);
          controller.enqueue(Buffer.from("first "));
        },
      }),
    );
  });
});

afterAll(async () => {
  await bed.stop();
  await storeBed.stop();
  await service.stop();
  await logs.stop();
});

const serve = (plugins: Readonly<Record<string, unknown>>): Promise<void> =>
  bed.put({ "routes/r": { uri: "/*", plugins, upstream: { nodes: { [service.node]: 1 } } } });

const logger = (conf: object): Readonly<Record<string, unknown>> => ({
  "http-logger": { uri: `${logs.url}/in?a=1`, ...conf },
});

const lastLogged = (): unknown => JSON.parse(logs.seen.at(-1)?.body ?? "null");

describe("http-logger", () => {
  test("tells what happened, with the node that was asked", async () => {
    const before = logs.seen.length;
    await serve(logger({ batch_max_size: 1, include_req_body: true, include_resp_body: true }));
    const reply = await fetch(`${bed.url}/a?x=1`, { method: "POST", body: "abc" });
    const text = await reply.text();
    await until(() => logs.seen.length > before);
    expect(logs.seen.at(-1)).toMatchObject({ method: "POST", target: "/in?a=1" });
    expect(lastLogged()).toMatchObject({
      request: { method: "POST", uri: "/a?x=1", body: "abc" },
      response: { status: 200, body: text },
      upstream: service.node,
      upstream_latency: expect.any(Number),
      route_id: "r",
    });
  });

  test("waits for the end of a reply that streams, and for one whose client leaves", async () => {
    await serve(logger({ batch_max_size: 1, include_resp_body: true }));
    let before = logs.seen.length;
    const reply = await fetch(`${bed.url}/stream`);
    open.at(-1)?.enqueue(Buffer.from("last"));
    open.at(-1)?.close();
    await reply.text();
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toMatchObject({ response: { body: "first last" } });
    before = logs.seen.length;
    const leaving = new AbortController();
    await fetch(`${bed.url}/stream`, { signal: leaving.signal });
    leaving.abort();
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toMatchObject({ response: { body: "first " } });
  });

  test("keeps a long body that streams on its way, and logs its beginning", async () => {
    const before = logs.seen.length;
    await serve(logger({ batch_max_size: 1, include_req_body: true, max_req_body_bytes: 5 }));
    const body = "0123456789".repeat(20_000);
    const reply = await fetch(`${bed.url}/a`, { method: "POST", body });
    expect(await reply.json()).toMatchObject({ body });
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toMatchObject({ request: { body: "01234" } });
  });

  test("sends what waits when its configuration goes", async () => {
    const before = logs.seen.length;
    await serve(logger({ inactive_timeout: 3600, log_format: { u: "$uri", s: "$status" } }));
    for (const path of ["/1", "/2"]) await (await fetch(bed.url + path)).text();
    expect(logs.seen).toHaveLength(before);
    await serve({});
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toEqual([
      { u: "/1", s: 200, route_id: "r" },
      { u: "/2", s: 200, route_id: "r" },
    ]);
  });

  test("waits for requests in flight when its configuration goes, and then sends what they gave", async () => {
    const before = logs.seen.length;
    const conf = logger({ inactive_timeout: 3600, log_format: { u: "$uri" } });
    await serve({ ...conf, "fault-injection": { delay: { duration: 0.3 } } });
    const pending = fetch(`${bed.url}/slow`);
    await until(() => bed.gateway.status().requests_in_flight === 1);
    await serve({});
    await (await pending).text();
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toEqual([{ u: "/slow", route_id: "r" }]);
  });

  test("tries again what its service did not take, and tells what it drops without its content", async () => {
    const before = logs.seen.length;
    logsStatus = 500;
    const auth_header = "Bearer very-secret";
    await serve(logger({ batch_max_size: 1, max_retry_count: 1, retry_delay: 0, auth_header }));
    await (await fetch(`${bed.url}/a`)).text();
    const dropped = () => bed.logged.filter(({ message }) => String(message).includes("dropped"));
    await until(() => dropped().length > 0);
    logsStatus = 200;
    expect(logs.seen.length - before).toBe(2);
    expect(logs.seen.at(-1)?.headers["authorization"]).toBe(auth_header);
    expect(JSON.stringify(bed.logged)).not.toContain("very-secret");
  });

  test("as a global rule tells of requests that no route takes", async () => {
    const before = logs.seen.length;
    await bed.put({
      "routes/r": null,
      "global_rules/1": { id: "1", plugins: logger({ batch_max_size: 1 }) },
    });
    expect((await fetch(`${bed.url}/none`)).status).toBe(404);
    await until(() => logs.seen.length > before);
    expect(lastLogged()).toMatchObject({ response: { status: 404 }, route_id: "no-matched" });
    await bed.put({ "global_rules/1": null });
  });
});

test("file-logger writes a line for every request, and begins a file anew that was moved", async () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-file-logger-"));
  const path = join(folder, "access.log");
  const linesOf = (): string[] => {
    try {
      return readFileSync(path, "utf8").trim().split("\n");
    } catch {
      return [];
    }
  };
  await bed.put({
    "plugin_metadata/file-logger": { log_format: { u: "$uri", a: "$upstream_addr" } },
  });
  await serve({ "file-logger": { path } });
  await Promise.all(["/a", "/a", "/a"].map(async (at) => (await fetch(bed.url + at)).text()));
  await until(() => linesOf().length === 3);
  expect(JSON.parse(linesOf()[0] ?? "")).toEqual({ u: "/a", a: service.node, route_id: "r" });
  rmSync(path);
  await (await fetch(`${bed.url}/b`)).text();
  await until(() => linesOf().length === 1);
  rmSync(folder, { recursive: true });
});

test("a gateway that stops sends what waits", async () => {
  const own = await startGatewayBed({ storeUrl: storeBed.url });
  await own.put({
    "routes/r": {
      uri: "/*",
      plugins: logger({ inactive_timeout: 3600, log_format: { u: "$uri" } }),
      upstream: { nodes: { [service.node]: 1 } },
    },
  });
  const before = logs.seen.length;
  await (await fetch(`${own.url}/last`)).text();
  await own.stop();
  expect(logs.seen).toHaveLength(before + 1);
  expect(lastLogged()).toEqual([{ u: "/last", route_id: "r" }]);
});

test("prometheus counts requests, for a page that public-api publishes", async () => {
  const upstream = { nodes: { [service.node]: 1 } };
  await bed.put({
    "routes/r": {
      uri: "/counted",
      name: "n",
      plugins: { prometheus: { prefer_name: true } },
      upstream,
    },
    "routes/metrics": { uri: "/apisix/prometheus/metrics", plugins: { "public-api": {} } },
    "global_rules/1": { id: "1", plugins: { prometheus: {} } },
  });
  await (await fetch(`${bed.url}/counted`)).text();
  await fetch(`${bed.url}/none`);
  const page = async (): Promise<string> =>
    (await fetch(`${bed.url}/apisix/prometheus/metrics`)).text();
  await until(async () => (await page()).includes('code="404"'));
  const counted = (await page())
    .split("\n")
    .filter((line) => line.startsWith("apisix_http_status{"));
  const labels = (route: string, uri: string, node: string, source: string) =>
    `route="${route}",matched_uri="${uri}",matched_host="",service="",consumer="",node="${node}",request_type="traditional_http",request_llm_model="",llm_model="",response_source="${source}"} 1`;
  expect(counted).toContain(
    `apisix_http_status{code="200",${labels("n", "/counted", "127.0.0.1", "upstream")}`,
  );
  expect(counted).toContain(`apisix_http_status{code="404",${labels("", "", "", "apisix")}`);
  await bed.put({ "global_rules/1": null, "routes/metrics": null });
});

test("data-mask keeps from logs what the upstream gets", async () => {
  const before = logs.seen.length;
  await serve({
    ...logger({ batch_max_size: 1, include_req_body: true }),
    "data-mask": {
      request: [
        { type: "query", name: "token", action: "remove" },
        { type: "header", name: "x-key", action: "replace", value: "***" },
        { type: "body", body_format: "json", name: "$.password", action: "remove" },
      ],
    },
  });
  const body = '{"user":"u","password":"very-secret"}';
  const reply = await fetch(`${bed.url}/a?token=very-secret&x=1`, {
    method: "POST",
    headers: { "x-key": "very-secret" },
    body,
  });
  expect(await reply.json()).toMatchObject({ target: "/a?token=very-secret&x=1", body });
  await until(() => logs.seen.length > before);
  expect(lastLogged()).toMatchObject({
    request: { uri: "/a?x=1", headers: { "x-key": "***" }, body: '{"user":"u"}' },
  });
  expect(JSON.stringify(Object(lastLogged()).request)).not.toContain("very-secret");
});
