import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type ChainTestbed,
  chainTestbed,
  ended,
  type Gate,
  gate,
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

let held: Gate = gate();
let latency: () => number = () => 0;

const bed: ChainTestbed = chainTestbed(async (call) => {
  const [, kind, arg = ""] = call.target.split(/[/?]/);
  if (kind === "held") await held.passed;
  if (kind === "shuffled") await Bun.sleep(latency());
  if (kind === "fails") return jsonReply("{}", 500);
  if (kind === "obj") return jsonReply(`{"${arg}":"${call.target}","shared":"${arg}"}`);
  return jsonReply(`{"v":"${arg}","${arg}":1,"same":"${arg}"}`);
});
afterAll(() => bed.stop());
beforeEach(() => {
  bed.service.seen.length = 0;
  bed.service.open.most = 0;
  held = gate();
});

describe("order", () => {
  test("reads that do not depend on each other are in flight together", async () => {
    const names = ["a", "b", "c", "d"];
    const conf = {
      steps: names.map((name) => ({ name, call: get(`/held/${name}`) })),
      reply: { body: names.map((name) => ref(name, "v")) },
    };
    const running = runChain(bed.compile(conf), plainRequest());
    await until(() => bed.service.open.now === 4);
    held.open();
    expect((await ended(await running)).text).toBe('["a","b","c","d"]');
  });

  test("a charge waits for every lookup before it, and is not made when one fails", async () => {
    const conf = {
      steps: [
        { name: "stock", call: get("/held/stock") },
        { name: "fraud", call: get("/fails/fraud"), after: ["stock"] },
        { name: "charge", call: post("/charge", { body: { a: 1 } }) },
      ],
      reply: { body: ref("charge") },
    };
    const running = runChain(bed.compile(conf), plainRequest());
    await until(() => bed.service.open.now === 1);
    expect(bed.service.to("/charge")).toEqual([]);
    held.open();
    expect(await running).toMatchObject({ status: 502 });
    expect(bed.service.to("/charge")).toEqual([]);
  });

  test("a charge never races a failing lookup, over 200 shuffled latencies", async () => {
    latency = () => Math.random() * 2;
    const chain = bed.compile({
      steps: [
        { name: "a", call: get("/shuffled/a") },
        { name: "b", call: get("/fails/b") },
        { name: "c", call: get("/shuffled/c") },
        { name: "charge", call: post("/charge") },
      ],
      reply: {},
    });
    for (let i = 0; i < 200; i += 20) {
      const all = Array.from({ length: 20 }, () => runChain(chain, plainRequest()));
      for (const outcome of await Promise.all(all)) expect(outcome).toMatchObject({ status: 502 });
    }
    expect(bed.service.to("/charge")).toEqual([]);
  });

  test("a write that says parallel does not wait for reads it does not use", async () => {
    const conf = {
      steps: [
        { name: "slow", call: get("/held/slow") },
        { name: "note", call: post("/note"), parallel: true },
      ],
      reply: { body: ref("slow", "v") },
    };
    const running = runChain(bed.compile(conf), plainRequest());
    await until(() => bed.service.to("/note").length === 1);
    held.open();
    expect(await running).toMatchObject({ status: 200 });
  });

  test("steps start as soon as what they wait for is done, not wave by wave", async () => {
    const conf = {
      steps: [
        { name: "slow", call: get("/held/slow") },
        { name: "fast", call: get("/fast/x") },
        { name: "next", call: get("/next/{v}", { params: { v: ref("fast", "v") } }) },
      ],
      reply: { body: [ref("slow", "v"), ref("next", "v")] },
    };
    const running = runChain(bed.compile(conf), plainRequest());
    await until(() => bed.service.to("/next/x").length === 1);
    held.open();
    expect((await ended(await running)).text).toBe('["slow","x"]');
  });
});

describe("steps that are over at once", () => {
  test("begin those that wait for them, once", async () => {
    const chain = {
      steps: [
        { name: "d", value: "k" },
        { name: "e", value: op("concat", [ref("d")], [1]) },
        { name: "p", call: get("/obj/{d}", { params: { d: ref("d") } }) },
        { name: "q", call: get("/obj/q"), after: ["e", "p"] },
      ],
      reply: { body: [ref("e"), ref("p", "k"), ref("q", "q")] },
    };
    expect((await bed.run(chain)).text).toBe('[["k",1],"/obj/k","/obj/q"]');
    expect(bed.service.seen.map(({ target }) => target)).toEqual(["/obj/k", "/obj/q"]);
  });

  test("and fail, end the chain before the next is called", async () => {
    const chain = {
      steps: [
        { name: "a", value: op("keys", ref("input", "method")) },
        { name: "b", call: get("/obj/b") },
      ],
      reply: { body: ref("b") },
    };
    expect(await bed.run(chain)).toMatchObject({ status: 422, code: "CHAIN_VALUE_INVALID" });
    expect(bed.service.seen).toEqual([]);
  });

  test("and answer, answer for a chain that calls nobody", async () => {
    const chain = { steps: [{ name: "a", exit: { status: 202, body: [1] } }], reply: { body: 2 } };
    expect(await bed.run(chain)).toMatchObject({ status: 202, text: "[1]" });
  });

  test("are items as well, each in its place and none within another", async () => {
    const numbers = Array.from({ length: 1_000 }, (_, i) => i);
    const chain = {
      steps: [
        {
          name: "all",
          each: {
            in: { $literal: numbers },
            max: 1_000,
            do: { value: [ref("index"), ref("item")] },
          },
        },
      ],
      reply: { body: ref("all") },
    };
    expect(JSON.parse((await bed.run(chain)).text)).toEqual(numbers.map((n) => [n, n]));
  });

  test("an item that fails at once ends the others in flight, and the chain once", async () => {
    const chain = {
      steps: [
        {
          name: "all",
          each: {
            in: { $literal: ["held", "."] },
            do: { call: get("/{kind}/x", { params: { kind: ref("item") } }) },
          },
        },
      ],
      reply: { body: ref("all") },
    };
    expect(await bed.run(chain)).toMatchObject({ status: 422, code: "CHAIN_VALUE_INVALID" });
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });
});

describe("merging", () => {
  const steps = ["a", "b", "c", "d"].map((name) => ({ name, call: get(`/shuffled/${name}`) }));
  const merged = (mode: string): object => ({
    steps: [
      ...steps,
      { name: "all", value: op("merge", mode, ...["a", "b", "c", "d"].map((name) => ref(name))) },
    ],
    reply: { body: ref("all") },
  });

  test("the result is the same over 1,000 runs with shuffled latencies", async () => {
    latency = () => Math.random() * 3;
    const chain = bed.compile(merged("shallow"));
    const forwarding = bed.compile({ steps, forward: {} });
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i += 40) {
      const all = Array.from({ length: 40 }, (_, n) =>
        runChain(n % 2 === 0 ? chain : forwarding, plainRequest({ body: '{"a":0}' })),
      );
      for (const outcome of await Promise.all(all)) seen.add((await ended(outcome)).text);
    }
    expect([...seen].sort()).toEqual([
      '{"a":1,"v":"d","same":"d","b":1,"c":1,"d":1}',
      '{"v":"d","a":1,"same":"d","b":1,"c":1,"d":1}',
    ]);
  });

  test("a collision is an error where the chain says so", async () => {
    latency = () => 0;
    const { status, code, text } = await bed.run(merged("error-on-collision"));
    expect([status, code]).toEqual([502, "CHAIN_MERGE_COLLISION"]);
    expect(JSON.parse(text).detail).toBe('the values merged at "all" both have the member "v"');
  });
});

describe("conditions", () => {
  test("a false one makes no call, and its dependants get their default", async () => {
    const trace = new ChainTrace();
    const { text } = await bed.run(
      {
        steps: [
          { name: "a", call: get("/x/a"), when: ref("input", "body", "on") },
          { name: "b", call: get("/x/b"), when: op("eq", ref("a", "v"), "a") },
          {
            name: "c",
            value: { a: op("coalesce", ref("a", "v"), "none"), s: op("status", ref("a")) },
          },
        ],
        reply: { body: [ref("c"), op("coalesce", ref("b"), "none")] },
      },
      { body: '{"on":false}' },
      trace,
    );
    expect(text).toBe('[{"a":"none"},"none"]');
    expect(bed.service.seen).toEqual([]);
    expect(trace.steps.map((step) => [step.step, step.outcome, step.reason])).toEqual([
      ["a", "skipped", "when"],
      ["b", "skipped", "when"],
      ["c", "done", null],
    ]);
  });

  test.each(['"true"', "1", "null", "{}", '"false"'])("%s is not true", async (on) => {
    await bed.run(
      { steps: [{ name: "a", call: get("/x/a"), when: ref("input", "body", "on") }], reply: {} },
      { body: `{"on":${on}}` },
    );
    expect(bed.service.seen).toEqual([]);
  });

  test("the first branch that holds is taken, and no other", async () => {
    const conf = {
      steps: [
        {
          name: "pick",
          choose: {
            branches: [
              { when: op("gt", ref("input", "body", "n"), 10), call: get("/x/big") },
              { when: op("gt", ref("input", "body", "n"), 1), call: get("/x/mid") },
              { when: op("gt", ref("input", "body", "n"), 0), value: { v: "small" } },
            ],
            otherwise: { call: get("/x/none"), on_status: { 200: { fallback: { v: "fell" } } } },
          },
        },
        { name: "after", value: op("tpl", "got ", ref("pick", "v")) },
      ],
      reply: { body: ref("after") },
    };
    const results: string[] = [];
    for (const n of [11, 2, 1, 0]) results.push((await bed.run(conf, { body: `{"n":${n}}` })).text);
    expect(results).toEqual(['"got big"', '"got mid"', '"got small"', '"got fell"']);
    expect(bed.service.seen.map((call) => call.target)).toEqual(["/x/big", "/x/mid", "/x/none"]);
  });

  test("no branch and no other way: the result is absent", async () => {
    const { text } = await bed.run({
      steps: [{ name: "pick", choose: { branches: [{ when: false, value: 1 }] } }],
      reply: { body: { p: op("coalesce", ref("pick"), "none") } },
    });
    expect(text).toBe('{"p":"none"}');
  });
});

describe("exit", () => {
  const conf = {
    steps: [
      { name: "a", call: get("/x/a") },
      {
        name: "stop",
        when: op("eq", ref("input", "body", "stop"), true),
        exit: { status: 403, headers: { "x-why": "no" }, body: { was: ref("a", "v") } },
      },
      { name: "b", call: post("/x/b") },
    ],
    reply: { body: ref("b", "v") },
  };
  test("answers at once, and nothing after it is called", async () => {
    const { status, headers, text } = await bed.run(conf, { body: '{"stop":true}' });
    expect([status, text]).toEqual([403, '{"was":"a"}']);
    expect(headers).toEqual(["x-why", "no", "content-type", "application/json"]);
    expect(bed.service.seen.map((call) => call.target)).toEqual(["/x/a"]);
  });
  test("does nothing when its condition does not hold", async () => {
    expect((await bed.run(conf, { body: "{}" })).text).toBe('"b"');
  });
  test("a status that answers the client ends reads in flight", async () => {
    const { status } = await bed.run({
      steps: [
        { name: "slow", call: get("/held/slow") },
        { name: "bad", call: get("/fails/x"), on_status: { 500: { exit: { status: 418 } } } },
      ],
      reply: { body: ref("slow") },
    });
    held.open();
    expect(status).toBe(418);
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });
});

describe("faults of other engines", () => {
  test("a configuration is not changed by the first request and right for the second", async () => {
    const conf = {
      steps: [
        { name: "list", value: op("jsonata", "$append($, [4])", [1, 2, 3]) },
        { name: "v", value: op("merge", "deep", { base: { a: [1] } }, ref("input", "body")) },
        {
          name: "c",
          call: post("/x/a", { body: { list: ref("list"), v: ref("v"), fixed: { k: [0] } } }),
        },
      ],
      reply: { body: [ref("list"), ref("v")] },
    };
    const before = JSON.stringify(conf);
    const chain = bed.compile(conf);
    const texts: string[] = [];
    for (const body of ['{"base":{"b":1}}', '{"base":{"c":2}}', '{"base":{"b":1}}'])
      texts.push((await ended(await runChain(chain, plainRequest({ body })))).text);
    expect(texts).toEqual([
      '[[1,2,3,4],{"base":{"a":[1],"b":1}}]',
      '[[1,2,3,4],{"base":{"a":[1],"c":2}}]',
      '[[1,2,3,4],{"base":{"a":[1],"b":1}}]',
    ]);
    expect(JSON.stringify(conf)).toBe(before);
    expect(bed.service.seen[0]?.body).toBe(bed.service.seen[2]?.body);
  });

  test("a join behind a skipped branch fires", async () => {
    const { text } = await bed.run({
      steps: [
        { name: "left", call: get("/x/left"), when: false },
        { name: "right", call: get("/x/right") },
        { name: "lonely", call: get("/x/l"), after: ["left"] },
        {
          name: "join",
          value: [ref("left", "v"), ref("right", "v")],
          after: ["left", "right", "lonely"],
        },
      ],
      reply: { body: ref("join") },
    });
    expect(text).toBe('[null,"right"]');
  });

  test("every dependant of a step starts, also behind one that is skipped", async () => {
    const { text } = await bed.run({
      steps: [
        { name: "root", call: get("/x/root") },
        { name: "one", value: ref("root", "v"), when: false },
        { name: "two", call: get("/x/two"), after: ["root"] },
        { name: "three", call: get("/x/three"), after: ["root"], on_error: "skip" },
        { name: "four", call: get("/fails/four"), after: ["root"], on_error: "skip" },
        { name: "five", call: get("/x/five"), after: ["one", "four"] },
      ],
      reply: { body: ["two", "three", "five"].map((name) => ref(name, "v")) },
    });
    expect(text).toBe('["two","three","five"]');
  });
});

describe("ends", () => {
  test("forward merges the client's object, its arguments and every result, in authored order", async () => {
    const { outcome } = await bed.run(
      {
        steps: [
          { name: "a", call: get("/obj/a") },
          { name: "skipped", call: get("/obj/s"), when: false },
          { name: "b", call: get("/obj/b") },
        ],
        forward: { headers: { "x-user": ref("a", "a") } },
      },
      {
        body: '{"own":12345678901234567890}',
        query: "q=1",
        headers: ["content-type", "application/json"],
      },
    );
    expect(outcome).toMatchObject({
      kind: "forward",
      upstreamId: null,
      contentType: null,
      setHeaders: ["x-user", "/obj/a"],
      body: '{"own":12345678901234567890,"q":"1","a":"/obj/a","shared":"b","b":"/obj/b"}',
    });
  });

  test("forward of a GET without a body adds none", async () => {
    const { outcome } = await bed.run(
      { steps: [{ name: "a", call: get("/obj/a") }], forward: {} },
      { method: "GET" },
    );
    expect(outcome).toMatchObject({ kind: "forward", body: null });
  });

  test("forward with a body sends that", async () => {
    const { outcome } = await bed.run({
      steps: [{ name: "a", call: get("/obj/a") }],
      forward: { upstream_id: "svc", body: { just: ref("a", "shared") } },
    });
    expect(outcome).toMatchObject({
      kind: "forward",
      upstreamId: "svc",
      contentType: "application/json",
      body: '{"just":"a"}',
    });
  });

  test("a result that is no object cannot be merged", async () => {
    const { code } = await bed.run(
      { steps: [{ name: "a", value: [1] }], forward: {} },
      { body: "{}" },
    );
    expect(code).toBe("CHAIN_REPLY_INVALID");
  });

  test("stream passes the response on while it comes", async () => {
    const { outcome } = await bed.run({ steps: [{ name: "a", call: get("/x/a") }], stream: "a" });
    expect(outcome).toMatchObject({ kind: "reply", status: 200 });
  });
});
