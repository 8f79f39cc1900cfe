import { afterAll, describe, expect, test } from "bun:test";
import { compileChain } from "./compile-chain.ts";
import { createSurvivingState } from "./surviving-state.ts";
import { type ChainTestbed, chainTestbed, get, op, post, ref } from "./testbed/chain-testbed.ts";
import { jsonReply } from "./testbed/service-double.ts";
import { ChainTrace } from "./trace.ts";

const bed: ChainTestbed = chainTestbed((call) =>
  call.target.startsWith("/fails") ? jsonReply("{}", 500) : jsonReply(call.body || '{"v":1}'),
);
afterAll(() => bed.stop());

function issuesOf(conf: object): string[] {
  const { issues } = compileChain(
    { v: 1, ...("forward" in conf ? {} : { reply: {} }), ...conf },
    {
      id: "c",
      targets: bed.targets,
      chain: (id) => bed.chains.get(id) ?? null,
      state: createSurvivingState("routes/c"),
    },
  );
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

describe("compiling", () => {
  const step = (rest: object): object => ({ steps: [{ name: "a", ...rest }] });
  const rows: [name: string, conf: object, issues: string[]][] = [
    ["what the check of chains finds", step({}), ['/steps/0: step "a" must do exactly one thing']],
    [
      "an upstream that does not exist",
      step({ call: { ...get("/"), upstream_id: "none" } }),
      ['/steps/0/call/upstream_id: there is no upstream "none"'],
    ],
    [
      "each one in a branch, an item and an undo",
      {
        steps: [
          { name: "a", each: { in: [], do: { call: { ...get("/"), upstream_id: "x" } } } },
          {
            name: "b",
            choose: { branches: [{ when: true, call: { ...get("/"), upstream_id: "y" } }] },
          },
          { name: "c", call: post("/"), undo: { call: { ...post("/"), upstream_id: "z" } } },
        ],
      },
      [
        "/steps/2/undo: there is no store to record it in",
        '/steps/0/each/do/call/upstream_id: there is no upstream "x"',
        '/steps/1/choose/branches/0/call/upstream_id: there is no upstream "y"',
        '/steps/2/undo/call/upstream_id: there is no upstream "z"',
      ],
    ],
    [
      "an upstream to forward to",
      { steps: [{ name: "a", value: 1 }], forward: { upstream_id: "no" } },
      ['/forward/upstream_id: there is no upstream "no"'],
    ],
    [
      "a JSONata expression that is none",
      step({ value: op("jsonata", "$sum(") }),
      [
        '/steps/0/value: "jsonata" cannot read the expression: Expected ")" before end of expression',
      ],
    ],
    [
      "a JSONata expression with a pattern that might not end",
      step({ value: op("jsonata", "$match('a', /(?=a)a/)", 1) }),
      [
        "/steps/0/value/args/0: the expression is not usable: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
      ],
    ],
    [
      "schemas that are none",
      {
        input: { body: { type: "string", pattern: "(" } },
        ...step({
          call: get("/", { response: { type: "string", pattern: "[" } }),
          validate: "fail",
        }),
      },
      [
        "/steps/0/call/response: the schema is not usable: Invalid regular expression: missing terminating ] for character class",
        "/input/body: the schema is not usable: Invalid regular expression: missing )",
      ],
    ],
    [
      "a chain that does not exist",
      step({ sub: { chain: "none" } }),
      ['/steps/0/sub/chain: there is no chain "none"'],
    ],
  ];
  test.each(rows)("finds %s", (_, conf, issues) => {
    expect(issuesOf(conf)).toEqual(issues);
  });

  test("finds what is wrong with a chain that is used, and says where it is used", () => {
    bed.chains.set("classic", { services: [{ uri: "http://a/" }] });
    bed.chains.set("sends-on", { v: 1, steps: [{ name: "x", value: 1 }], forward: {} });
    bed.chains.set("broken", { v: 1, steps: [{ name: "x", value: ref("y") }], reply: {} });
    expect(issuesOf({ steps: [{ name: "a", sub: { chain: "classic" } }] })).toEqual([
      '/steps/0/sub/chain: only a step chain can be used by another: "classic"',
    ]);
    expect(issuesOf({ steps: [{ name: "a", sub: { chain: "sends-on" } }] })).toEqual([
      '/steps/0/sub/chain: a chain that another one uses ends with a reply: "sends-on"',
    ]);
    expect(issuesOf({ steps: [{ name: "a", sub: { chain: "broken" } }] })).toEqual([
      '/steps/0/sub/chain: chain "broken" cannot run: /steps/0/value "y" refers to no step of this chain',
    ]);
  });

  test("chains that use each other without a condition are found", () => {
    const using = (chain: string): object => ({
      v: 1,
      steps: [{ name: "next", sub: { chain } }],
      reply: { body: ref("next") },
    });
    bed.chains.set("ping", using("pong"));
    bed.chains.set("pong", using("ping"));
    expect(issuesOf({ steps: [{ name: "a", sub: { chain: "ping" } }] }).join()).toStartWith(
      '/steps/0/sub/chain: running it would never end: "c" uses "ping" uses "pong" uses "ping"',
    );
    // Under the name it gives itself, and under its route's.
    for (const chain of ["own", "c"])
      expect(issuesOf({ id: "own", steps: [{ name: "a", sub: { chain } }] }).join()).toContain(
        `running it would never end: "own" uses "${chain}"`,
      );
  });

  test("a line of chains longer than the limit is found, one that uses itself runs until it", async () => {
    for (let i = 0; i < 12; i++)
      bed.chains.set(`line-${i}`, {
        v: 1,
        steps: [{ name: "next", sub: { chain: `line-${i + 1}` } }],
        reply: { body: ref("next") },
      });
    bed.chains.set("line-12", { v: 1, steps: [{ name: "x", value: 1 }], reply: { body: 1 } });
    const line = { steps: [{ name: "a", sub: { chain: "line-0" } }] };
    expect(issuesOf(line).join()).toContain("chains nest deeper than 8");
    bed.chains.set("self", {
      v: 1,
      steps: [
        {
          name: "again",
          when: op("gt", ref("input", "body", "n"), 0),
          sub: { chain: "self", body: { n: op("sub", ref("input", "body", "n"), 1) } },
        },
      ],
      reply: { body: op("add", 1, op("coalesce", ref("again"), 0)) },
    });
    const conf = (n: number): object => ({
      steps: [{ name: "a", sub: { chain: "self", body: { n } } }],
      reply: { body: ref("a") },
    });
    expect((await bed.run(conf(5))).text).toBe("6");
    expect((await bed.run(conf(9))).code).toBe("CHAIN_SUB_TOO_DEEP");
    expect((await bed.run({ ...conf(2), limits: { sub_depth: 2 } })).code).toBe(
      "CHAIN_SUB_TOO_DEEP",
    );
  });
});

describe("a chain as a step", () => {
  test("gets its body, sees the same request, and gives its reply; names are told apart", async () => {
    bed.chains.set("inner", {
      v: 1,
      input: { body: { type: "object", required: ["n"] } },
      steps: [{ name: "c", call: post("/x", { body: { n: ref("input", "body", "n") } }) }],
      reply: { body: { got: ref("c", "n"), q: ref("input", "query", "q") } },
    });
    const trace = new ChainTrace();
    const { text } = await bed.run(
      {
        steps: [
          { name: "in", sub: { chain: "inner", body: { n: ref("input", "body", "big") } } },
          {
            name: "all",
            each: { in: [1, 2], do: { sub: { chain: "inner", body: { n: ref("item") } } } },
          },
        ],
        reply: { body: [ref("in"), ref("all", 1, "got")] },
      },
      { body: '{"big":12345678901234567890}', query: "q=7" },
      trace,
    );
    expect(text).toBe('[{"got":12345678901234567890,"q":"7"},2]');
    const names = trace.steps.map((step) => step.step);
    expect(names).toEqual(expect.arrayContaining(["in", "in.c", "all[0]", "all[0].c", "all[1].c"]));
  });

  test("what it is given is held to its input; that is not the client's fault", async () => {
    const { status, text } = await bed.run({
      steps: [{ name: "in", sub: { chain: "inner", body: {} } }],
      reply: {},
    });
    expect(status).toBe(422);
    expect(JSON.parse(text)).toMatchObject({ step: "in", code: "CHAIN_VALUE_INVALID" });
  });

  const failing: [name: string, inner: object, rest: object, status: number][] = [
    [
      "a failure in it is one of the step",
      { steps: [{ name: "x", call: get("/fails") }] },
      {},
      502,
    ],
    [
      "which can be passed over",
      { steps: [{ name: "x", call: get("/fails") }] },
      { on_error: "skip" },
      200,
    ],
    [
      "an answer that is no success is a failure",
      { steps: [{ name: "x", exit: { status: 404 } }] },
      {},
      502,
    ],
    [
      "which can be stood in for",
      { steps: [{ name: "x", exit: { status: 404 } }] },
      { on_error: { fallback: 1 } },
      200,
    ],
    ["an early answer is its reply", { steps: [{ name: "x", exit: { body: { v: 2 } } }] }, {}, 200],
  ];
  test.each(failing)("%s", async (_, inner, rest, status) => {
    bed.chains.set("own", { v: 1, ...inner, reply: { body: 3 } });
    const ended = await bed.run({
      steps: [{ name: "in", sub: { chain: "own" }, ...rest }],
      reply: { body: { v: ref("in", "v") } },
    });
    expect(ended.status).toBe(status);
  });

  test("its time is its own: a timeout of the step, not the chain's deadline", async () => {
    const slow = chainTestbed(async () => {
      await Bun.sleep(20_000);
      return jsonReply("{}");
    });
    slow.chains.set("own", {
      v: 1,
      deadline: 60,
      steps: [{ name: "x", call: get("/") }],
      reply: {},
    });
    const conf = (rest: object): object => ({
      steps: [{ name: "in", sub: { chain: "own" }, ...rest }],
      reply: { body: op("coalesce", ref("in"), "none") },
    });
    expect((await slow.run(conf({}))).code).toBe("CHAIN_STEP_TIMEOUT");
    expect((await slow.run(conf({ on_error: "skip" }))).text).toBe('"none"');
    expect((await slow.run(conf({ timeout: 20 }))).code).toBe("CHAIN_STEP_TIMEOUT");
    expect((await slow.run({ ...conf({}), deadline: 30 })).code).toBe("CHAIN_DEADLINE");
    expect(slow.targets.transport.stats().activeCalls).toBe(0);
    await slow.stop();
  });
});
