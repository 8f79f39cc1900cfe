import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

/** Step chains as a client of the gateway meets them, over both stores. */
describe.each(storeKinds.map((kind) => [kind.name, kind] as const))("%s", (_, kind) => {
  let store: StoreBed;
  let bed: GatewayBed;
  let service: Service;
  let upstream: Service;
  let failing: string[] = [];

  beforeAll(async () => {
    store = await kind.start();
    bed = await startGatewayBed({ storeUrl: store.url });
    upstream = startEcho();
    service = startService(async ({ target }) => {
      if (target === "/events") return events();
      if (target === "/hang") await Bun.sleep(30_000);
      if (failing.includes(target)) return new Response("secret", { status: 500 });
      return new Response(`{"id":12345678901234567890,"at":"${target}"}`, {
        headers: { "content-type": "application/json" },
      });
    });
    await bed.put({ "upstreams/svc": { nodes: { [service.node]: 1 } } });
  });
  afterAll(async () => {
    await bed.stop();
    await service.stop();
    await upstream.stop();
    await store.stop();
  });
  beforeEach(() => {
    failing = [];
    service.seen.length = 0;
  });

  const call = (method: string, path: string, rest: object = {}): object => ({
    upstream_id: "svc",
    method,
    path,
    ...rest,
  });
  const route = (chain: object): object => ({
    uri: "/chain",
    upstream: { nodes: { [upstream.node]: 1 } },
    plugins: { "proxy-chain": { v: 1, ...chain } },
  });
  const ask = (init: RequestInit = {}): Promise<Response> =>
    fetch(`${bed.url}/chain?q=1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"n":98765432109876543210}',
      ...init,
    });
  const records = async (): Promise<readonly string[]> =>
    (await bed.store.list("/catena/undo/")).entries.map((entry) => entry.value);

  test("a chain answers the client with numbers as they came", async () => {
    await bed.put({
      "routes/1": route({
        steps: [
          { name: "a", call: call("GET", "/a") },
          { name: "b", call: call("POST", "/b", { body: { id: { $ref: ["a", "id"] } } }) },
        ],
        reply: {
          status: 201,
          body: { id: { $ref: ["b", "id"] }, n: { $ref: ["input", "body", "n"] } },
        },
      }),
    });
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([
      201,
      '{"id":12345678901234567890,"n":98765432109876543210}',
    ]);
    expect(service.seen[1]?.body).toBe('{"id":12345678901234567890}');
  });

  test("a chain sends the request on to the route's upstream", async () => {
    await bed.put({
      "routes/1": route({
        steps: [{ name: "a", call: call("GET", "/a") }],
        forward: { headers: { "x-at": { $ref: ["a", "at"] } } },
      }),
    });
    const echoed = await (await ask()).json();
    expect(echoed).toMatchObject({
      target: "/chain?q=1",
      body: '{"n":98765432109876543210,"q":"1","id":12345678901234567890,"at":"/a"}',
      headers: { "x-at": "/a" },
    });
  });

  test("a chain that uses another one follows its changes", async () => {
    const inner = (value: number): object => ({
      ...route({ steps: [{ name: "x", value }], reply: { body: { $ref: ["x"] } } }),
      uri: "/inner",
    });
    await bed.put({
      "routes/inner": inner(1),
      "routes/1": route({
        steps: [{ name: "in", sub: { chain: "inner" } }],
        reply: { body: { $ref: ["in"] } },
      }),
    });
    expect(await (await ask()).text()).toBe("1");
    await bed.put({ "routes/inner": inner(2) });
    expect(await (await ask()).text()).toBe("2");
  });

  test("a chain that names itself is used by that name, and followed through others", async () => {
    const value = (id: string, of: number) => ({
      ...route({ id, steps: [{ name: "x", value: of }], reply: { body: { $ref: ["x"] } } }),
      uri: "/inner",
    });
    const using = (chain: string, id = "outermost") => ({
      ...route({ id, steps: [{ name: "in", sub: { chain } }], reply: { body: { $ref: ["in"] } } }),
      ...(id === "outermost" ? {} : { uri: "/middle" }),
    });
    await bed.put({ "routes/1": using("named-middle") });
    expect((await ask()).status).toBe(503);
    await bed.put({
      "routes/i": value("named-inner", 1),
      "routes/m": using("named-inner", "named-middle"),
    });
    expect(bed.gateway.status().dangling).toEqual([]);
    expect(await (await ask()).text()).toBe("1");
    await bed.put({ "routes/i": value("named-inner", 2) });
    expect(await (await ask()).text()).toBe("2");
    await bed.put({ "routes/i": value("renamed", 3) });
    expect((await ask()).status).toBe(503);
    expect(bed.gateway.status().dangling).toEqual([
      { resource: "routes/m", missing: "routes/named-inner" },
    ]);
    await bed.put({ "routes/other": value("named-inner", 4) });
    expect(await (await ask()).text()).toBe("4");
    await bed.put({ "routes/i": null, "routes/m": null, "routes/other": null });
  });

  test("a response is streamed while it comes", async () => {
    await bed.put({
      "routes/1": route({ steps: [{ name: "a", call: call("GET", "/events") }], stream: "a" }),
    });
    const response = await ask();
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first\n");
    await reader.cancel();
  });

  const saga = {
    steps: [
      {
        name: "reserve",
        call: call("POST", "/reserve"),
        undo: { call: call("POST", "/release", { body: { $ref: ["reserve", "at"] } }) },
      },
      { name: "charge", call: call("POST", "/charge") },
    ],
    reply: { body: { $ref: ["charge"] } },
  };

  test("a failure takes back what was done and says so; the record is gone", async () => {
    failing = ["/charge"];
    await bed.put({ "routes/1": route(saga) });
    const response = await ask();
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      chain: "1",
      step: "charge",
      undone: ["reserve"],
    });
    expect(service.seen.map((seen) => seen.target)).toEqual(["/reserve", "/charge", "/release"]);
    expect(await records()).toEqual([]);
  });

  test("what cannot be taken back is logged, counted and stays in the store", async () => {
    failing = ["/charge", "/release"];
    const page = "/apisix/prometheus/metrics";
    await bed.put({
      "routes/1": route(saga),
      "routes/metrics": { uri: page, plugins: { "public-api": {} } },
    });
    const response = await ask();
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ undo_failed: ["reserve"] });
    const [record] = await records();
    expect(JSON.parse(record ?? "")).toMatchObject({
      chain: "1",
      entries: [{ step: "reserve", state: "failed", call: { path: "/release" } }],
    });
    expect(bed.logged.some((line) => line["level"] === "error" && line["record"])).toBe(true);
    expect(JSON.stringify(bed.logged)).not.toContain("secret");
    const metrics = await (await fetch(bed.url + page)).text();
    expect(metrics).toContain('apisix_chain_undo_failures_total{chain="1",kind="undo-failed"} 1\n');
    await bed.put({ "routes/metrics": null });
  });

  test("a client that leaves ends what only reads", async () => {
    await bed.put({
      "routes/1": route({
        steps: [
          { name: "slow", call: call("GET", "/hang") },
          { name: "next", call: call("POST", "/never") },
        ],
        reply: {},
      }),
    });
    const leaving = new AbortController();
    const asked = ask({ signal: leaving.signal }).catch(() => "gone");
    await until(() => service.seen.length === 1);
    leaving.abort();
    expect(await asked).toBe("gone");
    await until(() => bed.logged.some((line) => line["code"] === "CHAIN_CANCELLED"));
    expect(service.seen.map((seen) => seen.target)).toEqual(["/hang"]);
  });
});

function events(): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("first\n")),
  });
  return new Response(body, {
    headers: [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
  });
}
