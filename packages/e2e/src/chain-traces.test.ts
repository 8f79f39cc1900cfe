import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let store: StoreBed;
let plain: GatewayBed;
let traced: GatewayBed;
let service: Service;

const ref = (...path: (string | number)[]): object => ({ $ref: path });
const op = (name: string, ...args: unknown[]): object => ({ $op: name, args });
const call = (method: string, path: string, rest: object = {}): object => ({
  upstream_id: "svc",
  method,
  path,
  ...rest,
});
const route = (uri: string, chain: object): object => ({
  uri,
  plugins: { "proxy-chain": { v: 1, ...chain } },
});

beforeAll(async () => {
  store = await startSqlite();
  service = startService(({ target, headers, body }) => {
    if (target.startsWith("/fails")) return new Response("secret", { status: 500 });
    const answer = {
      id: 7,
      target,
      body,
      ident: headers["x-ident"] ?? null,
      token: "of-a-service",
    };
    return Response.json(answer, { headers: { "set-cookie": "session=of-a-service" } });
  });
  plain = await startGatewayBed({ storeUrl: store.url });
  traced = await startGatewayBed({
    storeUrl: store.url,
    settings: { traces: { keep: 5, values: true }, serverTiming: true },
  });
  const write = (name: string): object => ({
    name,
    call: call("POST", `/do/${name}`),
    undo: { call: call("POST", `/undo/${name}`) },
  });
  const chains = {
    "upstreams/svc": { nodes: { [service.node]: 1 } },
    "routes/quiet": route("/quiet", {
      steps: [{ name: "a", call: call("GET", "/a") }],
      reply: { body: ref("a", "id") },
    }),
    "routes/timed": route("/timed", {
      server_timing: true,
      steps: [
        { name: "user", call: call("GET", "/user") },
        { name: "gift", call: call("GET", "/gift"), when: false },
        { name: "extra", call: call("GET", "/fails"), on_error: "skip" },
        { name: "all", each: { in: [1, 2], do: { call: call("GET", "/item") } } },
      ],
      reply: { body: ref("user", "id") },
    }),
    "routes/order": route("/order", {
      steps: [write("reserve"), { name: "charge", call: call("POST", "/fails") }],
      reply: {},
    }),
    "routes/classic": {
      uri: "/classic",
      upstream: { nodes: { [service.node]: 1 } },
      plugins: { "proxy-chain": { services: [{ uri: `${service.url}/one`, name: "one" }] } },
    },
  };
  await plain.put(chains);
  await traced.applied(plain.gateway.status().store.revision ?? 0);
});
afterAll(async () => {
  await plain.stop();
  await traced.stop();
  await service.stop();
  await store.stop();
});

const traces = async (path = ""): Promise<Response> =>
  await fetch(`${traced.controlUrl}/v1/traces${path}`);

describe("Server-Timing", () => {
  test("tells how each step of a chain that asks for it went, and no values", async () => {
    const { headers } = await fetch(`${plain.url}/timed`);
    const metrics = (headers.get("server-timing") ?? "").split(", ");
    const worded = metrics.map((metric) => metric.replaceAll(/=\d+(\.\d)?(?=;|$)/g, "=N"));
    expect(worded).toEqual([
      "user;dur=N;start=N;attempts=N;status=N",
      'gift;start=N;skip="when"',
      'extra;start=N;skip="CHAIN_STEP_STATUS"',
      "all;dur=N;start=N",
      "total;dur=N",
    ]);
    expect(metrics[0]).toEndWith("attempts=1;status=200");
  });

  test("is not sent by other chains, unless the gateway is set to", async () => {
    expect((await fetch(`${plain.url}/quiet`)).headers.has("server-timing")).toBe(false);
    expect((await fetch(`${traced.url}/quiet`)).headers.get("server-timing")).toStartWith("a;dur=");
  });

  test("is added to what an upstream answers, and to failures", async () => {
    const classic = await fetch(`${traced.url}/classic`, { method: "POST" });
    expect(classic.headers.get("server-timing")).toMatch(/^one;dur=[\d.]+;start=[\d.]+;/);
    const failed = await fetch(`${traced.url}/order`, { method: "POST" });
    expect([failed.status, failed.headers.get("server-timing")]).toEqual([
      502,
      expect.stringMatching(/^reserve;.*charge;.*outcome="failed";reason="CHAIN_STEP_STATUS", res/),
    ]);
  });
});

describe("recent traces", () => {
  test("are not kept unless the gateway is set to", async () => {
    const response = await fetch(`${plain.controlUrl}/v1/traces`);
    expect([response.status, await response.json()]).toEqual([
      404,
      { error_msg: "traces are not kept: set traces.keep" },
    ]);
  });

  test("show each step of a request by its id, its undo too", async () => {
    const failed = await fetch(`${traced.url}/order?page=2`, { method: "POST" });
    const { request_id: id } = (await failed.json()) as { request_id: string };
    const trace = await (await traces(`/${id}`)).json();
    expect(trace).toMatchObject({
      request: id,
      route: "order",
      method: "POST",
      target: "/order?page=2",
      status: 502,
      steps: [
        { step: "reserve", outcome: "done", attempts: 1, status: 200, call: { method: "POST" } },
        { step: "charge", outcome: "failed", status: 500, reason: "CHAIN_STEP_STATUS", bytes: 6 },
        { step: "reserve.undo", outcome: "done", call: { to: "upstream:svc" } },
      ],
    });
    // What is no JSON does not say which of its parts are secret.
    expect(trace).toMatchObject({ steps: [{}, { call: { reply_body: "(6 bytes)" } }, {}] });
    expect((await traces("/none")).status).toBe(404);
  });

  test("are the last few, latest first, of one route when asked", async () => {
    for (let i = 0; i < 7; i++) await fetch(`${traced.url}/${i === 4 ? "timed" : "quiet"}`);
    const routes = async (query: string): Promise<string[]> =>
      ((await (await traces(query)).json()) as { route: string }[]).map((trace) => trace.route);
    expect(await routes("")).toEqual(["quiet", "quiet", "timed", "quiet", "quiet"]);
    expect(await routes("?route=timed")).toEqual(["timed"]);
  });

  test("a skipped step says why, one that was joined or cached too", async () => {
    await fetch(`${traced.url}/timed`);
    const [trace] = (await (await traces("?route=timed")).json()) as { steps: object[] }[];
    expect(trace?.steps).toMatchObject([
      { step: "user" },
      { step: "gift", outcome: "skipped", reason: "when", attempts: 0 },
      { step: "extra", outcome: "skipped", reason: "CHAIN_STEP_STATUS", status: 500 },
      { step: "all", outcome: "done" },
      { step: "all[0]", outcome: "done", status: 200 },
      { step: "all[1]", outcome: "done", status: 200 },
    ]);
  });
});

describe("secrets in traces", () => {
  const authorization = ref("input", "headers", "authorization");
  const cookie = ref("input", "cookies", "sid");
  const apiKey = ref("input", "headers", "x-api-key");
  const ident = ref("input", "headers", "x-ident");
  /** What may be made of a secret, and must not be shown either. */
  const derived = [
    op("upper", authorization),
    op("substring", cookie, 1, 8),
    op("tpl", "key-", apiKey),
    op("json", { nested: ident }),
    op("jsonata", "$base64encode($)", apiKey),
    op("if", op("exists", ident), op("lower", ident), "none"),
  ];
  const secrets = [
    "Tok-1234567890",
    "TOK-1234567890",
    "Sid-1234567890",
    "id-12345",
    "Key-1234567890",
    Buffer.from("Key-1234567890").toString("base64"),
    "Ident-1234567890",
    "ident-1234567890",
    "Pass-1234567890",
    "Arg-1234567890",
    "of-a-service",
  ];
  const chain = {
    steps: [
      // A header says who asks: what is answered is shown, without what repeats it.
      {
        name: "user",
        call: call("GET", "/user/7", { headers: { authorization, "x-ident": ident } }),
      },
      { name: "made", value: { from: op("tpl", apiKey, "!"), all: derived } },
      { name: "by_path", call: call("GET", "/x/{of}", { params: { of: ref("made", "from") } }) },
      {
        name: "by_query",
        call: call("GET", "/q", {
          query: { plain: "shown-1", of: derived[0], apikey: "lit-secret" },
        }),
      },
      { name: "by_body", call: call("POST", "/b", { body: { kept: 5, of: ref("made") } }) },
      {
        name: "after",
        call: call("POST", "/c", { body: { a: ref("by_body", "id"), b: "shown-2" } }),
      },
      { name: "whole", call: call("POST", "/d", { body: ref("input", "body") }) },
      {
        name: "items",
        each: { in: derived, do: { call: call("POST", "/e", { body: ref("item") }) } },
      },
      { name: "inner", sub: { chain: "inner", body: { v: derived[0] } } },
      { name: "late", call: call("GET", "/f", { query: { v: ref("inner", "echo") } }) },
      { name: "big", call: call("POST", "/g", { body: { n: ref("input", "body", "n") } }) },
    ],
    reply: { body: ref("user", "id") },
  };

  async function shown(): Promise<{ text: string; steps: Readonly<Record<string, object>> }> {
    await traced.put({
      "routes/secrets": route("/secrets", chain),
      "routes/inner": route("/inner", {
        steps: [
          { name: "i", call: call("POST", "/inner", { body: { w: ref("input", "body", "v") } }) },
        ],
        reply: { body: { echo: ref("input", "body", "v") } },
      }),
    });
    const response = await fetch(`${traced.url}/secrets?apikey=Arg-1234567890&page=3`, {
      method: "POST",
      headers: {
        authorization: "Bearer Tok-1234567890",
        cookie: "sid=Sid-1234567890",
        "x-api-key": "Key-1234567890",
        "x-ident": "Ident-1234567890",
        "content-type": "application/json",
      },
      body: '{"n":12345678901234567890,"password":"Pass-1234567890","note":"shown-3"}',
    });
    expect([response.status, await response.text()]).toEqual([200, "7"]);
    const [trace] = (await (await traces("?route=secrets")).json()) as {
      target: string;
      steps: { step: string; call?: object }[];
    }[];
    expect(trace?.target).toBe("/secrets?apikey=(secret)&page=3");
    const steps = Object.fromEntries(
      (trace?.steps ?? []).map((step) => [step.step, step.call ?? {}]),
    );
    return { text: JSON.stringify(trace), steps };
  }

  test("are masked, and what is derived from them, wherever they land or are repeated", async () => {
    const { text, steps } = await shown();
    for (const secret of [...secrets, "lit-secret"]) expect(text).not.toContain(secret);
    expect(steps["user"]).toMatchObject({
      target: "/user/7",
      headers: { authorization: "(secret)", "x-ident": "(secret)", accept: "*/*" },
      reply_headers: { "set-cookie": "(secret)", "content-type": "application/json;charset=utf-8" },
      reply_body: '{"id":7,"target":"/user/7","body":"","ident":"(secret)","token":"(secret)"}',
    });
    expect(steps["by_path"]).toMatchObject({ target: "/x/{of}", reply_body: "(86 bytes)" });
    expect(steps["by_query"]).toMatchObject({
      target: "/q?plain=shown-1&of=(secret)&apikey=(secret)",
    });
    expect(steps["by_body"]).toMatchObject({ body: '{"kept":5,"of":"(secret)"}' });
    expect(steps["after"]).toMatchObject({ body: '{"a":"(secret)","b":"shown-2"}' });
    expect(steps["items[5]"]).toMatchObject({ body: "(18 characters)" });
    expect(steps["inner.i"]).toMatchObject({
      target: "(secret)",
      body: expect.stringMatching(/^\(/),
    });
    expect(steps["late"]).toMatchObject({ target: "/f?v=(secret)" });
  });

  test("are masked where the chain has them by reference, in the chains it uses too", async () => {
    process.env["E2E_TRACED_SECRET"] = "Ref-1234567890";
    process.env["E2E_TRACED_INNER"] = "Inner-1234567890";
    const at = "$env://E2E_TRACED_SECRET";
    await traced.put({
      "routes/by-reference": route("/by-reference", {
        steps: [
          { name: "q", call: call("GET", "/q", { query: { app: at, plain: "shown-4" } }) },
          { name: "b", call: call("POST", "/b", { body: { app: at, kept: "shown-5" } }) },
          { name: "d", value: op("upper", at) },
          { name: "p", call: call("GET", "/p/{d}", { params: { d: ref("d") } }) },
          { name: "inner", sub: { chain: "referring" } },
        ],
        reply: { body: ref("q", "id") },
      }),
      "routes/referring": route("/referring", {
        steps: [
          { name: "i", call: call("GET", "/i", { query: { v: "$env://E2E_TRACED_INNER" } }) },
        ],
        reply: { body: 1 },
      }),
    });
    expect(await (await fetch(`${traced.url}/by-reference`)).text()).toBe("7");
    expect(
      service.seen
        .slice(-4)
        .map(({ target }) => target)
        .sort(),
    ).toEqual([
      "/b",
      "/i?v=Inner-1234567890",
      "/p/REF-1234567890",
      "/q?app=Ref-1234567890&plain=shown-4",
    ]);
    const text = await (await traces("?route=by-reference")).text();
    expect(text.toLowerCase()).not.toMatch(/ref-1234567890|inner-1234567890/);
    expect(text).toContain("/q?app=(secret)&plain=shown-4");
    expect(text).toContain('"target":"/p/{d}"');
    expect(text).toContain('"target":"/i?v=(secret)"');
    for (const name of ["SECRET", "INNER"]) delete process.env[`E2E_TRACED_${name}`];
  });

  test("leave what is no secret as it is, to the last digit", async () => {
    const { steps } = await shown();
    expect(steps["whole"]).toMatchObject({
      body: '{"n":12345678901234567890,"password":"(secret)","note":"shown-3"}',
    });
    expect(steps["big"]).toMatchObject({ body: '{"n":12345678901234567890}' });
  });
});
