import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChainBed, op, ref, startChainBed } from "./bed/chain-bed.ts";

let bed: ChainBed;
beforeAll(async () => {
  bed = await startChainBed();
});
afterAll(() => bed.stop());

const route = (uri: string, chain: object): object => ({
  uri,
  plugins: { "proxy-chain": { v: 1, ...chain } },
});
const using = (chain: string, rest: object = {}): object => ({
  steps: [{ name: "next", sub: { chain, body: ref("input", "body") }, ...rest }],
  reply: { body: ref("next") },
});
const unserved = (): readonly string[] =>
  bed.gateway.gateway.status().unserved.map(({ resource, reason }) => `${resource}: ${reason}`);

describe("a chain used by another", () => {
  test("is found by the name it gives itself, and by its route's id where it gives none", async () => {
    const value = (v: number, id?: string): object => ({
      ...(id === undefined ? {} : { id }),
      steps: [{ name: "v", value: v }],
      reply: { body: ref("v") },
    });
    await bed.gateway.put({
      "routes/r1": route("/r1", value(1, "priced")),
      "routes/r2": route("/r2", value(2)),
    });
    await bed.serve({
      steps: [
        { name: "a", sub: { chain: "priced" } },
        { name: "b", sub: { chain: "r2" } },
      ],
      reply: { body: [ref("a"), ref("b")] },
    });
    expect(await (await bed.ask()).text()).toBe("[1,2]");
    await bed.gateway.put({ "routes/r1": null, "routes/r2": null });
  });

  test("one that is missing keeps the route from being served, by name, until it is there", async () => {
    await bed.serve(using("absent"));
    expect((await bed.ask()).status).toBe(503);
    expect(unserved()).toEqual([expect.stringContaining('there is no chain "absent"')]);
    expect(bed.gateway.gateway.status().dangling).toEqual([
      { resource: "routes/chain", missing: "routes/absent" },
    ]);
    await bed.gateway.put({
      "routes/late": route("/late", {
        id: "absent",
        steps: [{ name: "v", value: "here" }],
        reply: { body: ref("v") },
      }),
    });
    expect(await (await bed.ask()).text()).toBe('"here"');
    expect(unserved()).toEqual([]);
    await bed.gateway.put({ "routes/late": null });
    expect((await bed.ask()).status).toBe(503);
  });

  test("chains that use each other without a condition are refused when they are built", async () => {
    await bed.gateway.put({ "routes/pong": route("/pong", using("chain")) });
    await bed.serve(using("pong"));
    expect((await bed.ask()).status).toBe(503);
    expect(unserved()).toEqual([
      expect.stringContaining('running it would never end: "chain" uses "pong" uses "chain"'),
    ]);
    await bed.gateway.put({ "routes/pong": null });
  });

  test("one that uses itself under a condition runs, at most eight deep", async () => {
    const n = ref("input", "body", "n");
    await bed.serve({
      id: "count",
      steps: [
        {
          name: "next",
          when: op("gt", n, 0),
          sub: { chain: "count", body: { n: op("sub", n, 1) } },
        },
      ],
      reply: { body: op("add", 1, op("coalesce", ref("next"), 0)) },
    });
    expect(await (await bed.ask({ body: '{"n":8}' })).text()).toBe("9");
    const response = await bed.ask({ body: '{"n":9}' });
    expect([response.status, await response.json()]).toMatchObject([
      500,
      { code: "CHAIN_SUB_TOO_DEEP", step: `${"next.".repeat(8)}next` },
    ]);
  });

  test("a line of chains longer than that is refused when it is built", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
    const line = names.map((name, i) => [
      `routes/${name}`,
      route(
        `/${name}`,
        i === 9 ? { steps: [{ name: "v", value: 1 }], reply: {} } : using(`n${i + 1}`),
      ),
    ]);
    await bed.gateway.put(Object.fromEntries(line));
    await bed.serve(using("n0"));
    expect((await bed.ask()).status).toBe(503);
    expect(unserved().join()).toContain("chains nest deeper than 8");
    await bed.serve(using("n3"));
    expect((await bed.ask()).status).toBe(200);
    await bed.gateway.put(Object.fromEntries(line.map(([key]) => [key, null])));
  });
});
