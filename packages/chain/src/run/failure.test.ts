import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type TargetResolver, targetBySending } from "@catena/pipeline";
import { CancelScope } from "@catena/upstream";
import type { CompiledChain } from "../compiled-chain.ts";
import {
  type ChainTestbed,
  chainTestbed,
  get,
  op,
  post,
  ref,
  until,
} from "../testbed/chain-testbed.ts";
import { plainRequest } from "../testbed/plain-request.ts";
import { jsonReply } from "../testbed/service-double.ts";
import { ChainTrace } from "../trace.ts";
import { runChain } from "./run-chain.ts";

const SECRET = "internal-stack-trace-7";

const bed: ChainTestbed = chainTestbed(async (call) => {
  const [, kind, arg] = call.target.split(/[/?]/);
  switch (kind) {
    case "status":
      return jsonReply(`{"secret":"${SECRET}"}`, Number(arg));
    case "hang":
      await Bun.sleep(20_000);
      return jsonReply("{}");
    case "text":
      return new Response(`not json ${SECRET}`);
    case "big":
      return jsonReply(`"${"x".repeat(Number(arg))}"`);
    case "deep":
      return jsonReply("[".repeat(Number(arg)) + "]".repeat(Number(arg)));
    case "typed":
      return jsonReply(`{"n":"${SECRET}"}`);
    default:
      return jsonReply('{"ok":1}');
  }
});
afterAll(() => bed.stop());
beforeEach(() => {
  bed.service.seen.length = 0;
});

const failing = (rest: object, call: object = get("/status/503")): object => ({
  steps: [
    { name: "a", call: get("/ok") },
    { name: "b", call, ...rest },
  ],
  reply: { status: 201, body: { a: ref("a", "ok"), b: op("coalesce", ref("b"), "default") } },
});

describe("a step that fails", () => {
  test("ends the chain by default; the reply names the step and nothing of the response", async () => {
    const { status, headers, text } = await bed.run(failing({}), { id: "r-9" });
    expect(status).toBe(502);
    expect(headers).toEqual(["content-type", "application/problem+json"]);
    expect(JSON.parse(text)).toEqual({
      type: "about:blank",
      title: "Bad Gateway",
      status: 502,
      detail: 'step "b" answered 503',
      code: "CHAIN_STEP_STATUS",
      chain: "under-test",
      step: "b",
      request_id: "r-9",
    });
  });

  const rows: [name: string, rest: object, status: number, text: string][] = [
    ["skip leaves nothing", { on_error: "skip" }, 201, '{"a":1,"b":"default"}'],
    [
      "fallback stands in",
      { on_error: { fallback: { x: ref("a", "ok") } } },
      201,
      '{"a":1,"b":{"x":1}}',
    ],
    ["a status can be skipped", { on_status: { 503: "skip" } }, 201, '{"a":1,"b":"default"}'],
    [
      "a status can have a fallback",
      { on_status: { 503: { fallback: { was: op("status", ref("a")) } } } },
      201,
      '{"a":1,"b":{"was":200}}',
    ],
    [
      "a status can answer the client with a chosen status and body",
      {
        on_status: {
          503: {
            exit: { status: 409, headers: { "x-why": "busy" }, body: { why: ref("a", "ok") } },
          },
        },
      },
      409,
      '{"why":1}',
    ],
    [
      "a rule for a status goes before the rule for errors",
      { on_status: { 503: { fallback: 7 } }, on_error: "skip" },
      201,
      '{"a":1,"b":7}',
    ],
  ];
  test.each(rows)("%s", async (_, rest, status, text) => {
    const ended = await bed.run(failing(rest));
    expect([ended.status, ended.text]).toEqual([status, text]);
    expect(ended.text + ended.headers.join()).not.toContain(SECRET);
  });

  test("a status can be passed on with a problem body of ours", async () => {
    const { status, text } = await bed.run(
      failing({ on_status: { 404: { pass: true } }, on_error: "skip" }, get("/status/404")),
    );
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ title: "Not Found", step: "b", status: 404 });
    expect(text).not.toContain(SECRET);
  });

  test("the fallback of a real result is not used", async () => {
    const { text } = await bed.run(failing({ on_error: { fallback: 1 } }, get("/ok")));
    expect(text).toBe('{"a":1,"b":{"ok":1}}');
  });

  const mapped: [name: string, step: object, status: number, code: string][] = [
    [
      "refused",
      { call: { uri: "http://127.0.0.1:1", method: "GET", path: "/" } },
      502,
      "CHAIN_STEP_UNREACHABLE",
    ],
    ["slow", { call: get("/hang"), timeout: 60 }, 504, "CHAIN_STEP_TIMEOUT"],
    ["not JSON where it is looked into", { call: get("/text") }, 502, "CHAIN_REPLY_INVALID"],
    [
      "larger than the step allows",
      { call: get("/big/2000"), max_bytes: 1000 },
      502,
      "CHAIN_RESPONSE_TOO_LARGE",
    ],
    ["nested too deep", { call: get("/deep/65") }, 502, "CHAIN_REPLY_INVALID"],
    [
      "not as its schema says",
      {
        call: get("/typed", {
          response: { type: "object", properties: { n: { type: "number" } } },
        }),
        validate: "fail",
      },
      502,
      "CHAIN_REPLY_INVALID",
    ],
  ];
  test.each(mapped)("%s is mapped", async (_, step, status, code) => {
    const ended = await bed.run({
      steps: [{ name: "b", ...step }],
      reply: { body: ref("b", "x") },
    });
    expect([ended.status, ended.code]).toEqual([status, code]);
    expect(ended.text).not.toContain(SECRET);
    expect(ended.text).not.toContain("127.0.0.1");
    expect(JSON.parse(ended.text)).toMatchObject({ step: "b", code });
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });

  test("a response that only warns is used, and the trace says so", async () => {
    const trace = new ChainTrace();
    const step = {
      name: "b",
      call: get("/typed", { response: { type: "object", properties: { n: { type: "number" } } } }),
      validate: "warn",
    };
    const { status } = await bed.run({ steps: [step], reply: { body: ref("b", "n") } }, {}, trace);
    expect(status).toBe(200);
    expect(trace.warnings).toHaveLength(1);
    expect(trace.warnings[0]).toContain('step "b"');
    expect(trace.warnings[0]).not.toContain(SECRET);
  });

  test("a body nobody looks into need not be JSON", async () => {
    const { text } = await bed.run({
      steps: [{ name: "b", call: get("/text") }],
      reply: { body: ref("b") },
    });
    expect(text).toContain("not json");
  });

  test("others in flight are given up, and no call stays open", async () => {
    const { status } = await bed.run({
      steps: [
        { name: "slow", call: get("/hang") },
        { name: "bad", call: get("/status/500") },
      ],
      reply: { body: ref("slow") },
    });
    expect(status).toBe(502);
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });
});

describe("the deadline", () => {
  test("ends everything, and no socket stays open after it", async () => {
    const { status, code } = await bed.run({
      deadline: 150,
      steps: [
        { name: "a", call: get("/hang"), timeout: 5000 },
        { name: "b", call: get("/hang"), timeout: 5000, retry: { attempts: 5 } },
        { name: "c", each: { in: [1, 2, 3], do: { call: get("/hang") } }, on_error: "skip" },
      ],
      reply: { body: [ref("a"), ref("b"), ref("c")] },
    });
    expect([status, code]).toEqual([504, "CHAIN_DEADLINE"]);
    expect(bed.targets.transport.stats()).toMatchObject({ activeCalls: 0 });
    await until(
      () =>
        bed.targets.transport.stats().openConnections ===
        bed.targets.transport.stats().idleConnections,
    );
  });

  test("cuts a step's timeout to what is left", async () => {
    const trace = new ChainTrace();
    const { code } = await bed.run(
      {
        deadline: 120,
        steps: [
          { name: "a", call: get("/hang"), timeout: 60, on_error: "skip" },
          { name: "b", call: get("/hang"), timeout: 60_000, after: ["a"] },
        ],
        reply: { body: [ref("a"), ref("b")] },
      },
      {},
      trace,
    );
    expect(code).toBe("CHAIN_DEADLINE");
    expect(trace.steps.map((step) => [step.step, step.outcome, step.reason])).toEqual([
      ["a", "skipped", "CHAIN_STEP_TIMEOUT"],
      ["b", "failed", "CHAIN_DEADLINE"],
    ]);
  });

  test("the request's own deadline counts where it is sooner", async () => {
    const { code } = await bed.run(
      { steps: [{ name: "a", call: get("/hang") }], reply: { body: ref("a") } },
      { deadlineMs: 60 },
    );
    expect(code).toBe("CHAIN_DEADLINE");
  });

  test("a timeout belongs to its own step and chain, not to the first one called", async () => {
    const asked: string[] = [];
    const real = bed.targets.upstream("svc");
    const targets: TargetResolver = {
      uri: () => null,
      upstream: () =>
        targetBySending((call) => {
          asked.push(`${call.target} ${call.timeoutMs}`);
          if (real === null) throw new Error("the testbed has an upstream");
          return real.send(call);
        }),
    };
    const chain = (first: number, second: number): CompiledChain =>
      bed.compile(
        {
          steps: [
            { name: "a", call: get("/ok/a"), timeout: first },
            { name: "b", call: get("/ok/b"), timeout: second, after: ["a"] },
            { name: "c", call: get("/ok/c"), after: ["b"] },
          ],
          reply: {},
        },
        { targets },
      );
    const [one, two] = [chain(900, 500), chain(800, 700)];
    for (const compiled of [one, two, one]) await runChain(compiled, plainRequest());
    const ofOne = ["/ok/a 900", "/ok/b 500", "/ok/c 6000"];
    expect(asked).toEqual([...ofOne, "/ok/a 800", "/ok/b 700", "/ok/c 6000", ...ofOne]);
  });
});

describe("a client that leaves", () => {
  const chain = (policy: string): object => ({
    on_client_gone: policy,
    steps: [
      { name: "read", call: get("/hang"), timeout: 400 },
      { name: "write", call: post("/hang"), parallel: true, timeout: 400, on_error: "skip" },
      { name: "next", call: post("/ok") },
    ],
    reply: { body: ref("next") },
  });

  const rows: [policy: string, writeEnds: string, isNextCalled: boolean][] = [
    ["abort", "CHAIN_CANCELLED", false],
    ["safe", "CHAIN_STEP_TIMEOUT", false],
    ["finish", "CHAIN_STEP_TIMEOUT", false],
  ];
  test.each(rows)("%s: a write ends with %s", async (policy, writeEnds, isNextCalled) => {
    const cancel = new CancelScope();
    const trace = new ChainTrace();
    const running = runChain(bed.compile(chain(policy)), plainRequest({ cancel }), trace);
    await until(() => bed.service.seen.length === 2);
    cancel.cancel("client-gone");
    const outcome = await running;
    const step = (name: string) => trace.steps.find((each) => each.step === name);
    expect(step("write")?.reason).toBe(writeEnds);
    expect(step("read")?.reason).toBe(
      policy === "finish" ? "CHAIN_STEP_TIMEOUT" : "CHAIN_CANCELLED",
    );
    expect(bed.service.to("/ok").length > 0).toBe(isNextCalled);
    expect(outcome).toMatchObject({ kind: "reply", status: policy === "finish" ? 504 : 499 });
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });

  test("finish: the chain runs to its end", async () => {
    const cancel = new CancelScope();
    const conf = {
      on_client_gone: "finish",
      steps: [
        { name: "one", call: post("/ok") },
        { name: "two", call: post("/ok") },
      ],
      reply: { body: ref("two") },
    };
    const running = runChain(bed.compile(conf), plainRequest({ cancel }));
    cancel.cancel("client-gone");
    expect(await running).toMatchObject({ status: 200 });
    expect(bed.service.seen).toHaveLength(2);
  });

  test("before the first call: nothing is called", async () => {
    const cancel = new CancelScope();
    cancel.cancel("client-gone");
    const { status } = await bed.run(
      { steps: [{ name: "one", call: post("/ok") }], reply: {} },
      { cancel },
    );
    expect(status).toBe(499);
    expect(bed.service.seen).toEqual([]);
  });
});

describe("limits", () => {
  const echo = {
    steps: [{ name: "a", call: post("/ok", { body: ref("input", "body", "x") }) }],
    reply: {},
  };
  const rows: [name: string, conf: object, body: string, status: number, code: string][] = [
    [
      "request body",
      { ...echo, limits: { request_bytes: 100 } },
      `{"x":"${"y".repeat(100)}"}`,
      413,
      "REQUEST_TOO_LARGE",
    ],
    [
      "request body that nobody reads",
      { steps: [{ name: "a", call: get("/ok") }], reply: {}, limits: { request_bytes: 100 } },
      "y".repeat(101),
      413,
      "REQUEST_TOO_LARGE",
    ],
    [
      "request body that results are merged into",
      { steps: [{ name: "a", call: get("/ok") }], forward: {}, limits: { request_bytes: 100 } },
      `{"x":"${"y".repeat(100)}"}`,
      413,
      "REQUEST_TOO_LARGE",
    ],
    [
      "request nesting",
      { ...echo, limits: { json_depth: 3 } },
      '{"x":[[[]]]}',
      400,
      "CHAIN_REQUEST_INVALID",
    ],
    [
      "items, told from the request",
      {
        steps: [
          { name: "w", call: post("/ok") },
          { name: "a", each: { in: ref("input", "body"), max: 2, do: { call: get("/ok") } } },
        ],
        reply: {},
      },
      "[1,2,3]",
      422,
      "CHAIN_EACH_TOO_MANY",
    ],
    [
      "items that are none",
      {
        steps: [
          { name: "w", call: post("/ok") },
          { name: "a", each: { in: ref("input", "body"), do: { call: get("/ok") } } },
        ],
        reply: {},
      },
      '{"length":1}',
      422,
      "CHAIN_EACH_NOT_ARRAY",
    ],
    [
      "a value",
      {
        steps: [
          { name: "v", value: [ref("input", "body"), ref("input", "body")] },
          { name: "a", call: get("/ok"), after: ["v"] },
        ],
        reply: {},
        limits: { merged_bytes: 150 },
      },
      `"${"x".repeat(90)}"`,
      502,
      "CHAIN_MERGED_TOO_LARGE",
    ],
    [
      "a call's body",
      {
        steps: [
          { name: "a", call: post("/ok", { body: [ref("input", "body"), ref("input", "body")] }) },
        ],
        reply: {},
        limits: { merged_bytes: 150 },
      },
      `"${"x".repeat(90)}"`,
      502,
      "CHAIN_MERGED_TOO_LARGE",
    ],
  ];
  test.each(rows)(
    "%s: a typed error before the first call",
    async (_, conf, body, status, code) => {
      const headers = ["content-type", "application/json", "content-length", String(body.length)];
      const ended = await bed.run(conf, { body, headers });
      expect([ended.status, ended.code]).toEqual([status, code]);
      expect(bed.service.seen).toEqual([]);
    },
  );

  test("the results of an each are bounded as a whole", async () => {
    const { code } = await bed.run({
      steps: [{ name: "a", each: { in: [1, 2, 3], do: { call: get("/big/100") } } }],
      reply: { body: ref("a") },
      limits: { merged_bytes: 250 },
    });
    expect(code).toBe("CHAIN_MERGED_TOO_LARGE");
  });

  test("a reply is bounded", async () => {
    const { code } = await bed.run({
      steps: [{ name: "a", call: get("/big/100") }],
      reply: { body: [ref("a"), ref("a"), ref("a")] },
      limits: { merged_bytes: 250 },
    });
    expect(code).toBe("CHAIN_MERGED_TOO_LARGE");
  });
});

describe("what a client sends is checked before the first call", () => {
  const conf = {
    input: {
      body: { type: "object", required: ["n"], properties: { n: { type: "integer", minimum: 1 } } },
      query: {
        type: "object",
        properties: { page: { type: "integer" }, full: { type: "boolean" } },
      },
    },
    steps: [
      {
        name: "a",
        call: post("/ok", { body: [ref("input", "query", "page"), ref("input", "query", "full")] }),
      },
    ],
    reply: {},
  };
  const rows: [body: string, query: string, status: number, detail: string][] = [
    ['{"n":2}', "page=12&full=true", 200, ""],
    ['{"n":0}', "", 400, "/n"],
    ["{}", "", 400, "body"],
    ["", "", 400, "is missing"],
    ['{"n":2', "", 400, "line 1"],
    ['{"n":2}', "page=x", 400, "query/page"],
  ];
  test.each(rows)("%j ?%s: %d", async (body, query, status, detail) => {
    const ended = await bed.run(conf, { body, query });
    expect(ended.status).toBe(status);
    expect(ended.text).toContain(detail);
    expect(bed.service.seen.map((call) => call.body)).toEqual(status === 200 ? ["[12,true]"] : []);
  });
});
