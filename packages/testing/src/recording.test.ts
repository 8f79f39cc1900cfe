import { afterAll, describe, expect, test } from "bun:test";
import { call, chain, concat, each, eq, op, or, service, upper, value } from "@catena/dsl";
import { Type } from "@sinclair/typebox";
import { expectAsRecorded, liveTargets, parseRecording, recordRun, testChain } from "./index.ts";

const hits: string[] = [];
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url);
    hits.push(`${request.method} ${pathname}${search}`);
    const body = await request.text();
    if (pathname === "/base/flaky")
      return new Response("no", {
        status: hits.filter((hit) => hit.includes("flaky")).length === 1 ? 503 : 200,
      });
    if (pathname === "/base/slow") {
      const hit = hits.filter((one) => one.includes("slow")).length;
      return hit === 1 ? new Promise<Response>(() => undefined) : Response.json({ hit });
    }
    if (pathname === "/base/large") return Response.json("x".repeat(100));
    return Response.json(
      {
        path: pathname,
        body: body === "" ? null : JSON.parse(body),
        token: request.headers.get("authorization"),
      },
      { headers: { "set-cookie": "s=1", "x-served": "yes" } },
    );
  },
});
const live = liveTargets({
  upstreams: { svc: `http://127.0.0.1:${server.port}/base` },
  hosts: { "svc.example": `127.0.0.1:${server.port}` },
});
afterAll(async () => {
  await live.close();
  await server.stop(true);
});

const svc = service(
  "svc",
  { upstream: "svc" },
  {
    get: op("GET", "/x/{id}"),
    flaky: op("GET", "/flaky"),
    post: op("POST", "/y"),
    slow: op("GET", "/slow"),
    large: op("GET", "/large"),
  },
);
const named = service("named", { uri: "http://svc.example/base" }, { get: op("GET", "/z") });

const recorded = chain({ route: "/r", methods: ["POST"] })
  .step("a", ($) =>
    call(svc.get, {
      params: { id: $.input.body.id },
      headers: { authorization: $.input.headers["authorization"] },
    }),
  )
  .step("flaky", () => call(svc.flaky, {}, { retry: { attempts: 2 } }))
  .step("z", () => call(named.get))
  .reply(($) => ({ a: $.a.path, z: $.z.path }));

const request = { body: { id: "a/b" }, headers: { Authorization: "Bearer secret" } };
const { result, recording } = await recordRun(recorded, request, live.targets);
const kept = parseRecording(JSON.parse(JSON.stringify(recording)));

test("a live run is written down, without credentials", () => {
  result.expectStatus(200).expectBody({ a: "/base/x/a%2Fb", z: "/base/z" });
  expect(recording).toMatchObject({
    v: 1,
    request: { headers: { Authorization: "Bearer masked" }, body: { id: "a/b" } },
    reply: { status: 200, body: { z: "/base/z" } },
  });
  const calls = recording.calls.toSorted((a, b) => (a.operation < b.operation ? -1 : 1));
  expect(calls).toMatchObject([
    { operation: "named.get", method: "GET", target: "/z", answer: 200 },
    { operation: "svc.flaky", answer: 503, text: "no" },
    { operation: "svc.flaky", answer: 200 },
    {
      operation: "svc.get",
      target: "/x/a%2Fb",
      headers: { "set-cookie": "s=masked-2", "x-served": "yes" },
    },
  ]);
  expect(JSON.stringify(recording)).not.toContain("secret");
});

test("a recording is replayed without the services", async () => {
  const before = hits.length;
  const replayed = await testChain(recorded).replay(kept).run(kept.request);
  expectAsRecorded(replayed, kept);
  replayed.expectCalls({ "svc.get": 1, "svc.flaky": 2, "named.get": 1 });
  expect(hits).toHaveLength(before);
});

test("a service that is not there is recorded as that", async () => {
  const gone = liveTargets({ upstreams: { svc: "http://127.0.0.1:1" } });
  const one = chain({ route: "/r" })
    .step("a", () => call(svc.get, { params: { id: 1 } }))
    .reply(($) => $.a);
  const { recording: failed } = await recordRun(one, {}, gone.targets);
  await gone.close();
  expect(failed).toMatchObject({ calls: [{ answer: "refused" }], reply: { status: 502 } });
  (await testChain(one).replay(failed).run()).expectStatus(502);
});

describe("a chain that changed since is found out", () => {
  test("by another reply", async () => {
    const changed = chain({ route: "/r", methods: ["POST"] })
      .step("a", ($) => call(svc.get, { params: { id: $.input.body.id } }))
      .reply(($) => ({ b: $.a.path }));
    const replayed = await testChain(changed).mock(svc.get, { path: "/p" }).run(request);
    expect(() => expectAsRecorded(replayed, kept)).toThrow(
      '/body/a: expected "/base/x/a%2Fb", found nothing',
    );
  });

  test("by another call", async () => {
    const changed = chain({ route: "/r" })
      .step("a", () => call(svc.get, { params: { id: "other" } }))
      .step("f", () => call(svc.flaky))
      .step("z", () => call(named.get))
      .reply(($) => $.a);
    const run = testChain(changed).replay(kept).run();
    expect(run).rejects.toThrow("svc.get: GET /x/other was not called with this body");
  });

  test("by an operation it no longer calls", () => {
    const changed = chain({ route: "/r" })
      .step("f", () => call(svc.flaky))
      .reply(($) => $.f);
    expect(() => testChain(changed).replay(kept)).toThrow('does not call "svc.get"');
  });
});

test.each([
  ["nothing", null],
  ["another version", { v: 2 }],
  ["no calls", { v: 1, request: {}, reply: {} }],
  ["a call without an answer", { v: 1, request: {}, reply: {}, calls: [{ operation: "a" }] }],
  ["no reply", { v: 1, calls: [], request: {} }],
  ["a reply without a status", { v: 1, calls: [], request: {}, reply: {}, chain: "a" }],
  [
    "a call that says nothing",
    { v: 1, calls: [1], request: {}, reply: { status: 200 }, chain: "a" },
  ],
  [
    "an upstream that says nothing",
    { v: 1, calls: [], request: {}, reply: { status: 200 }, chain: "a", forwarded: 1 },
  ],
  ["no chain", { v: 1, calls: [], request: {}, reply: { status: 200 } }],
  [
    "configs that are no paths",
    { v: 1, calls: [], request: {}, reply: { status: 200 }, chain: "a", configs: [1] },
  ],
])("%s is no recording", (_name, json) => {
  expect(() => parseRecording(json)).toThrow("not a usable recording");
});

test("what a chain sends on is recorded with its upstream's answer, and replayed", async () => {
  const passing = chain({ route: "/c/:id", methods: ["POST"] })
    .step("one", { uri: "http://svc.example/x" })
    .forward("svc");
  const sent = {
    params: { id: "1" },
    query: { q: "2" },
    headers: { authorization: "Bearer secret", connection: "x-hop", "x-hop": "1" },
    text: '{"big": 12345678901234567890, "own": [1, 2]}',
  };
  const { result: passed, recording: written } = await recordRun(passing, sent, live.targets, {
    upstream: "svc",
  });
  passed.expectStatus(200).expectBodyPart({ path: "/base/c/1", token: "Bearer secret" });
  expect(passed.end.forwardStep).toMatchObject({ status: 200, outcome: "done", attempts: 1 });
  expect(hits.at(-1)).toBe("POST /base/c/1?q=2");
  expect(written.request.text).toBe(sent.text);
  expect(written.calls[0]?.answer).toBe(200);
  expect(written.forwarded).toMatchObject({ answer: 200, headers: { "x-served": "yes" } });
  expect(JSON.stringify(written)).not.toContain("secret");
  const before = hits.length;
  const again = await testChain(passing).replay(written).run(written.request);
  expectAsRecorded(again, written);
  expect(hits).toHaveLength(before);
});

test("an upstream that is not there is recorded as that, and undoes what was done", async () => {
  const gone = liveTargets({
    upstreams: { svc: `http://127.0.0.1:${server.port}/base`, up: "http://127.0.0.1:1" },
  });
  const passing = chain({ route: "/c", methods: ["POST"] })
    .step("one", () => call(svc.post))
    .undo("one", () => call(svc.post))
    .forward("up");
  const { result: failed, recording: written } = await recordRun(passing, {}, gone.targets, {
    upstream: "up",
  });
  await gone.close();
  failed.expectStatus(502).expectCode("UPSTREAM_REFUSED").expectCalls({ "svc.post": 2 });
  expect(failed.reason).toContain("connection to http://127.0.0.1:1 failed");
  expect(written.forwarded).toMatchObject({ answer: "refused" });
  expectAsRecorded(await testChain(passing).replay(written).run(written.request), written);
});

test("calls that were given up and failures of other kinds are the same again", async () => {
  const one = chain({ route: "/r", methods: ["GET"] })
    .step("slow", () => call(svc.slow, {}, { hedge: { after: 20 } }))
    .step("large", () => call(svc.large, {}, { maxBytes: 10, onError: { fallback: { none: 1 } } }))
    .reply(($) => ({ slow: $.slow, large: $.large }));
  const { result: ran, recording: written } = await recordRun(one, {}, live.targets);
  ran.expectStatus(200).expectBody({ slow: { hit: 2 }, large: { none: 1 } });
  ran.expectStep("large", "fallback");
  expect(written.calls.map(({ answer, code }) => [answer, code ?? ""]).sort()).toEqual([
    [200, ""],
    ["cancelled", "UPSTREAM_CANCELLED"],
    ["reset", "UPSTREAM_TOO_LARGE"],
  ]);
  const again = await testChain(one).replay(written).run(written.request);
  expectAsRecorded(again, written);
  expect(again.steps.find(({ step }) => step === "large")?.reason).toBe("CHAIN_RESPONSE_TOO_LARGE");
});

describe("what a chain computes of a credential", () => {
  const echo = service(
    "echo",
    { upstream: "svc" },
    { get: op("GET", "/echo/{id}"), put: op("PUT", "/echo", { body: Type.Unknown() }) },
  );

  const headers = Type.Object({ "x-token": Type.String() });

  test("is not in a recording, which is replayed all the same", async () => {
    const derived = chain({ route: "/r", methods: ["GET"], input: { headers } })
      .step("list", () => value([1, 2]))
      .step("id", ($) => value(upper($.input.headers["x-token"])))
      .step("one", ($) => call(echo.get, { params: { id: $.id } }))
      .step("each", ($) =>
        each($.list, (i) => call(echo.put, { body: { n: i, own: concat([$.id], [$.id]) } })),
      )
      .reply(($) => ({ id: $.id, one: $.one.path }));
    const sent = { headers: { "x-token": "my-secret" } };
    const {
      result: ran,
      recording: written,
      problem,
    } = await recordRun(derived, sent, live.targets);
    ran.expectStatus(200).expectBodyPart({ id: "MY-SECRET" });
    expect(problem).toBeNull();
    expect(JSON.stringify(written).toLowerCase()).not.toContain("my-secret");
    expect(written.calls).toHaveLength(3);
    expect(written.calls[0]).toMatchObject({ target: "/echo/MASKED", answer: 200 });
    expectAsRecorded(await testChain(derived).replay(written).run(written.request), written);
  });

  test("is not there even when the chain does something else with masks, which is told", async () => {
    const picky = chain({ route: "/r", methods: ["GET"], input: { headers } })
      .step("id", ($) => value(upper($.input.headers["x-token"])))
      .step("one", ($) => call(echo.get, { params: { id: $.id } }, { when: eq($.id, "MY-SECRET") }))
      .reply(($) => ({ one: or($.one.path, "none") }));
    const sent = { headers: { "x-token": "my-secret" } };
    const { recording: written, problem } = await recordRun(picky, sent, live.targets);
    expect(problem).toBe(
      "credentials are masked in it, and with masks the chain does something else",
    );
    expect(JSON.stringify(written).toLowerCase()).not.toContain("my-secret");
    expect(written.reply.body).toEqual({ one: "none" });
  });
});
