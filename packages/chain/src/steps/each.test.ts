import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type ChainTestbed, chainTestbed, get, op, post, ref } from "../testbed/chain-testbed.ts";
import { jsonReply } from "../testbed/service-double.ts";
import { ChainTrace } from "../trace.ts";

const bed: ChainTestbed = chainTestbed(async (call) => {
  const id = Number(call.target.split("/").at(-1));
  await Bun.sleep((id * 7) % 5);
  if (call.target.startsWith("/odd") && id % 2 === 1) return jsonReply("{}", 404);
  if (call.target.startsWith("/bad") && id === 5) return jsonReply("{}", 500);
  return jsonReply(`{"id":${id},"big":12345678901234567890}`);
});
afterAll(() => bed.stop());
beforeEach(() => {
  bed.service.seen.length = 0;
  bed.service.open.most = 0;
});

const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const each = (path: string, rest: object = {}, doing: object = {}): object => ({
  steps: [
    {
      name: "all",
      each: {
        in: ref("input", "body"),
        do: { call: get(`${path}/{id}`, { params: { id: ref("item") } }), ...doing },
        ...rest,
      },
    },
  ],
  reply: { body: ref("all") },
});

describe("each", () => {
  test("100 items at cap 8 never have more than 8 calls open, and keep their order", async () => {
    const { text } = await bed.run(each("/x", { concurrency: 8 }), {
      body: JSON.stringify(ids(100)),
    });
    expect(bed.service.open.most).toBe(8);
    expect(text).toBe(
      `[${ids(100)
        .map((id) => `{"id":${id},"big":12345678901234567890}`)
        .join(",")}]`,
    );
  });

  test("more items than max are a 422 before the first call, also of other steps", async () => {
    const conf = each("/x", { max: 100 });
    const { status, code, text } = await bed.run(conf, { body: JSON.stringify(ids(101)) });
    expect([status, code]).toEqual([422, "CHAIN_EACH_TOO_MANY"]);
    expect(JSON.parse(text).detail).toBe('step "all" takes at most 100 items, there are 101');
    expect(bed.service.seen).toEqual([]);
  });

  test("a condition on the request decides before the first call whether there are too many", async () => {
    const conf = {
      steps: [
        { name: "w", call: { upstream_id: "svc", method: "POST", path: "/w" } },
        {
          name: "a",
          when: op("eq", ref("input", "query", "all"), "yes"),
          each: { in: ref("input", "body"), max: 2, do: { call: get("/x") } },
        },
      ],
      reply: { body: 1 },
    };
    const sent = { body: "[1,2,3]", headers: ["content-type", "application/json"] };
    bed.service.seen.length = 0;
    expect((await bed.run(conf, { ...sent, query: "all=yes" })).code).toBe("CHAIN_EACH_TOO_MANY");
    expect(bed.service.seen).toEqual([]);
    expect((await bed.run(conf, { ...sent, query: "all=no" })).text).toBe("1");
    expect(bed.service.seen).toHaveLength(1);
  });

  test("too many items from an earlier step are refused before the first item", async () => {
    const { status } = await bed.run({
      steps: [
        { name: "list", value: ids(3) },
        { name: "all", each: { in: ref("list"), max: 2, do: { call: get("/x/1") } } },
      ],
      reply: { body: ref("all") },
    });
    expect(status).toBe(422);
    expect(bed.service.seen).toEqual([]);
  });

  const rows: [name: string, rest: object, doing: object, text: string][] = [
    ["skip leaves null", { on_error: "skip" }, {}, '[{"id":0,"big":12345678901234567890},null]'],
    [
      "fallback sees the item and its place",
      { on_error: { fallback: { at: ref("index"), item: ref("item") } } },
      {},
      '[{"id":0,"big":12345678901234567890},{"at":1,"item":1}]',
    ],
    [
      "a status rule counts per item",
      {},
      { on_status: { 404: { fallback: op("tpl", "no ", ref("item")) } } },
      '[{"id":0,"big":12345678901234567890},"no 1"]',
    ],
  ];
  test.each(rows)("%s", async (_, rest, doing, text) => {
    const ended = await bed.run(each("/odd", rest, doing), { body: "[0,1]" });
    expect(ended.text).toBe(text);
  });

  test("an item that fails ends the step: the rest is not called, those in flight are given up", async () => {
    const { status, text } = await bed.run(each("/bad", { concurrency: 2 }), {
      body: JSON.stringify(ids(50)),
    });
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({ step: "all[5]" });
    expect(bed.service.seen.length).toBeLessThan(20);
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
  });

  test("no items: an empty list, and no call", async () => {
    expect((await bed.run(each("/x"), { body: "[]" })).text).toBe("[]");
    expect(bed.service.seen).toEqual([]);
  });

  test("each item has its own idempotency key, the same on a retry", async () => {
    let failures = 0;
    const own = chainTestbed(() => (failures++ % 2 === 0 ? jsonReply("{}", 503) : jsonReply("{}")));
    await own.run(
      {
        steps: [
          {
            name: "all",
            each: {
              in: [1, 2, 3],
              concurrency: 1,
              do: {
                call: post("/x"),
                idempotency_key: "auto",
                retry: { attempts: 2, backoff: { base: 1 } },
              },
            },
          },
        ],
        reply: {},
      },
      {},
    );
    const keys = own.service.seen.map((call) => call.headers["idempotency-key"]);
    await own.stop();
    expect(keys).toHaveLength(6);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).toBe(keys[3]);
    expect(new Set(keys).size).toBe(3);
  });

  test("values per item, and a trace per item", async () => {
    const trace = new ChainTrace();
    const { text } = await bed.run(
      {
        steps: [
          {
            name: "all",
            each: {
              in: ref("input", "body"),
              do: { value: { double: op("mul", ref("item", "n"), 2), at: ref("index") } },
            },
          },
        ],
        reply: { body: ref("all", 1, "double") },
      },
      { body: '[{"n":1},{"n":21}]' },
      trace,
    );
    expect(text).toBe("42");
    expect(trace.steps.map((step) => step.step)).toEqual(["all", "all[0]", "all[1]"]);
  });

  test("results that nobody uses are not kept", async () => {
    const conf = { ...each("/x"), reply: { body: "done" } };
    const chain = bed.compile(conf);
    expect(chain.steps).toHaveLength(1);
    expect((await bed.run(conf, { body: "[1,2]" })).text).toBe('"done"');
    expect(bed.service.seen).toHaveLength(2);
  });
});
