import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChainBed, call, json, op, ref, startChainBed } from "./bed/chain-bed.ts";

let bed: ChainBed;
beforeAll(async () => {
  bed = await startChainBed();
});
afterAll(() => bed.stop());

/** Latencies of 0 to 3 ms, another order each time. */
const shuffled = (): Promise<void> => Bun.sleep(Math.random() * 3);

/** Asks so often, a few at a time. */
async function askMany<T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await ask(index);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return results;
}

describe("each", () => {
  const ids = (count: number): string => JSON.stringify(Array.from({ length: count }, (_, i) => i));
  const each = (rest: object, before: readonly object[] = []): object => ({
    steps: [
      ...before,
      {
        name: "all",
        each: {
          in: ref("input", "body"),
          do: { call: call("GET", "/item/{id}", { params: { id: ref("item") } }) },
          ...rest,
        },
      },
    ],
    reply: { body: ref("all") },
  });

  test("100 items at cap 8 never have more than 8 calls open, and keep their order", async () => {
    await bed.serve(each({ concurrency: 8 }), async ({ target }) => {
      await shuffled();
      return json(target.slice("/item/".length));
    });
    expect(await (await bed.ask({ body: ids(100) })).text()).toBe(ids(100));
    expect([bed.open.most, bed.seen.length]).toEqual([8, 100]);
  });

  test("over max the client gets 422 before any call", async () => {
    await bed.serve(each({ max: 5 }, [{ name: "before", call: call("POST", "/before") }]));
    const response = await bed.ask({ body: ids(6) });
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { code: "CHAIN_EACH_TOO_MANY", step: "all" },
    ]);
    expect(bed.seen).toEqual([]);
  });

  test("without a cap of its own 16 items are called at a time, no more and no fewer", async () => {
    const { promise: full, resolve } = Promise.withResolvers<void>();
    await bed.serve(each({}), async () => {
      if (bed.open.now === 16) resolve();
      await full;
      return json("1");
    });
    expect((await bed.ask({ body: ids(100) })).status).toBe(200);
    expect(bed.open.most).toBe(16);
  });
});

describe("reads and writes", () => {
  test("four independent reads are in flight together", async () => {
    const { promise: all, resolve } = Promise.withResolvers<void>();
    const names = ["a", "b", "c", "d"];
    await bed.serve(
      {
        steps: names.map((name) => ({ name, call: call("GET", `/${name}`) })),
        reply: { body: names.map((name) => ref(name)) },
      },
      async ({ target }) => {
        if (bed.open.now === 4) resolve();
        await all;
        return json(`"${target}"`);
      },
    );
    expect(await (await bed.ask()).text()).toBe('["/a","/b","/c","/d"]');
  });

  test("a charge never races a failing lookup, over 200 shuffled latencies", async () => {
    await bed.serve(
      {
        steps: [
          { name: "x", call: call("GET", "/lookup") },
          { name: "y", call: call("GET", "/fails") },
          { name: "charge", call: call("POST", "/charge") },
        ],
        reply: {},
      },
      async ({ target }) => {
        await shuffled();
        return json("{}", target === "/fails" ? 500 : 200);
      },
    );
    const statuses = await askMany(200, async () => (await bed.ask()).status);
    expect(new Set(statuses)).toEqual(new Set([502]));
    expect(bed.seen.filter(({ target }) => target === "/charge")).toEqual([]);
  });

  test("a false when makes no call, and its dependants get their default", async () => {
    await bed.serve(
      {
        steps: [
          { name: "off", when: op("eq", ref("input", "body", "v"), 1), call: call("GET", "/off") },
          { name: "each", when: false, each: { in: [1, 2], do: { call: call("GET", "/off") } } },
          {
            name: "uses",
            call: call("GET", "/uses", { query: { v: op("coalesce", ref("off", "id"), "none") } }),
          },
        ],
        reply: { body: { off: op("coalesce", ref("off", "id"), 0), each: ref("each") } },
      },
      () => json("{}"),
    );
    expect(await (await bed.ask({ body: '{"v":2}' })).text()).toBe('{"off":0}');
    expect(bed.seen.map(({ target }) => target)).toEqual(["/uses?v=none"]);
  });
});

describe("merging", () => {
  const steps = ["a", "b", "c"].map((name) => ({ name, call: call("GET", `/${name}`) }));
  const answer = async ({ target }: { target: string }): Promise<Response> => {
    await shuffled();
    return json(`{"shared":"${target}","own${target.slice(1)}":1}`);
  };

  test("a collision is an error where the chain says so, else the later one wins", async () => {
    const merged = (mode: string) => op("merge", mode, ref("a"), ref("b"));
    await bed.serve({ steps, reply: { body: merged("error-on-collision") } }, answer);
    const response = await bed.ask();
    expect([response.status, await response.json()]).toMatchObject([
      502,
      { code: "CHAIN_MERGE_COLLISION", detail: expect.stringContaining('"shared"') },
    ]);
    await bed.serve({ steps, reply: { body: merged("shallow") } }, answer);
    expect(await (await bed.ask()).text()).toBe('{"shared":"/b","owna":1,"ownb":1}');
  });

  test("the same result over 1,000 runs with shuffled latencies", async () => {
    await bed.serve(
      { steps, reply: { body: op("merge", "deep", ref("c"), ref("a"), ref("b")) } },
      answer,
    );
    const texts = await askMany(1000, async () => (await bed.ask()).text());
    expect(new Set(texts)).toEqual(new Set(['{"shared":"/b","ownc":1,"owna":1,"ownb":1}']));
    expect(texts).toHaveLength(1000);
  }, 60_000);
});

describe("faults known from other engines", () => {
  test("a configuration is the same for the second request as for the first", async () => {
    const literal = { list: [1, 2, { deep: [] }], of: "config" };
    await bed.serve(
      {
        steps: [
          { name: "a", call: call("POST", "/a", { body: { literal, v: ref("input", "body") } }) },
          { name: "b", value: op("merge", "deep", literal, ref("a")) },
          { name: "c", value: op("jsonata", "$append(list, 9)", literal) },
        ],
        forward: { upstream_id: "svc", body: { b: ref("b"), c: ref("c"), literal } },
      },
      ({ text }) =>
        json(text === "" ? "{}" : text.includes('"v"') ? '{"list":[7],"of":"a"}' : text),
    );
    const first = await (await bed.ask({ body: "1" })).text();
    expect(first).toBe(
      '{"b":{"list":[7],"of":"a"},"c":[1,2,{"deep":[]},9],"literal":{"list":[1,2,{"deep":[]}],"of":"config"}}',
    );
    for (let i = 0; i < 3; i++) expect(await (await bed.ask({ body: "1" })).text()).toBe(first);
    const sent = bed.seen.filter(({ target }) => target === "/a").map(({ text }) => text);
    expect(new Set(sent).size).toBe(1);
  });

  test("a join behind a skipped branch fires", async () => {
    await bed.serve(
      {
        steps: [
          { name: "left", when: false, call: call("GET", "/left") },
          { name: "right", call: call("GET", "/right") },
          { name: "join", call: call("GET", "/join"), after: ["left", "right"] },
        ],
        reply: { body: { left: ref("left"), join: ref("join", "ok") } },
      },
      () => json('{"ok":1}'),
    );
    expect(await (await bed.ask()).text()).toBe('{"join":1}');
    expect(bed.seen.map(({ target }) => target)).toEqual(["/right", "/join"]);
  });

  test("every dependant of a step starts, behind skipped and failed ones too", async () => {
    const names = ["one", "two", "three", "four"];
    await bed.serve(
      {
        steps: [
          { name: "root", call: call("GET", "/root") },
          { name: "gone", call: call("GET", "/fails"), after: ["root"], on_error: "skip" },
          { name: "off", when: false, value: ref("root") },
          ...names.map((name, i) => ({
            name,
            call: call("GET", `/${name}`),
            after: ["root", i % 2 === 0 ? "gone" : "off"],
          })),
        ],
        reply: { body: names.map((name) => ref(name, "ok")) },
      },
      ({ target }) => json('{"ok":1}', target === "/fails" ? 500 : 200),
    );
    expect(await (await bed.ask()).text()).toBe("[1,1,1,1]");
  });
});
