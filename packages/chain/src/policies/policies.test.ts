import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { startRawServer } from "@catena/testkit";
import type { ChainClock } from "../clock.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import { runChain } from "../run/run-chain.ts";
import { createResultCache, createSurvivingState } from "../surviving-state.ts";
import {
  type ChainTestbed,
  chainTestbed,
  type Ended,
  ended,
  type Gate,
  gate,
  get,
  post,
  ref,
  until,
} from "../testbed/chain-testbed.ts";
import { type PlainRequest, plainRequest } from "../testbed/plain-request.ts";
import { jsonReply } from "../testbed/service-double.ts";

/** Statuses to answer with, in turn; the last one stays. */
let statuses: number[] = [200];
let held: Gate = gate();
let version = 0;

const bed: ChainTestbed = chainTestbed(async (call, index) => {
  const [, kind] = call.target.split(/[/?]/);
  if (kind === "held") await held.passed;
  if (kind === "first-held" && index === 0) await held.passed;
  const status = statuses.length > 1 ? statuses.shift() : statuses[0];
  return jsonReply(`{"n":${++version},"who":"${call.headers["authorization"] ?? ""}"}`, status);
});
afterAll(() => bed.stop());
beforeEach(() => {
  bed.service.seen.length = 0;
  statuses = [200];
  held = gate();
  version = 0;
});

/** A clock that a test moves; the deadlines of calls are real, so it only ever runs ahead. */
class MovedClock implements ChainClock {
  aheadMs = 0;
  monotonicMs(): number {
    return performance.now() + this.aheadMs;
  }
  wallMs(): number {
    return Date.now() + this.aheadMs;
  }
}

const quick = { backoff: { base: 1, max: 2 } };
const one = (step: object): object => ({
  steps: [{ name: "a", ...step }],
  reply: { body: ref("a", "n") },
});

async function runOnce(chain: CompiledChain, request?: PlainRequest): Promise<Ended> {
  return await ended(await runChain(chain, plainRequest(request)));
}

describe("retry", () => {
  const rows: [name: string, step: object, statuses: number[], calls: number, status: number][] = [
    [
      "a read is sent again",
      { call: get("/x"), retry: { attempts: 3, ...quick } },
      [503, 503, 200],
      3,
      200,
    ],
    [
      "attempts count the first",
      { call: get("/x"), retry: { attempts: 2, ...quick } },
      [503, 503, 200],
      2,
      502,
    ],
    [
      "only what is listed",
      { call: get("/x"), retry: { attempts: 3, on: [502], ...quick } },
      [503, 200],
      1,
      502,
    ],
    ["without retry once", { call: get("/x") }, [503, 200], 1, 502],
    [
      "a write without a key is never sent again",
      { call: post("/x"), retry: { attempts: 5, ...quick } },
      [503, 200],
      1,
      502,
    ],
    [
      "a write with a key is",
      { call: post("/x"), idempotency_key: "auto", retry: { attempts: 5, ...quick } },
      [503, 503, 200],
      3,
      200,
    ],
  ];
  test.each(rows)("%s", async (_, step, answers, calls, status) => {
    statuses = [...answers];
    const result = await bed.run(one(step));
    expect(result.status).toBe(status);
    expect(bed.service.seen).toHaveLength(calls);
  });

  test("the key is minted once and reused on each attempt, and differs between requests", async () => {
    const chain = bed.compile(
      one({ call: post("/x"), idempotency_key: "auto", retry: { attempts: 2, ...quick } }),
    );
    for (let i = 0; i < 2; i++) {
      statuses = [503, 200];
      await runOnce(chain);
    }
    const keys = bed.service.seen.map((call) => call.headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect([keys[1], keys[3]]).toEqual([keys[0], keys[2]]);
    expect(keys[0]).not.toBe(keys[2]);
  });

  test("a key can come from the request", async () => {
    await bed.run(one({ call: post("/x"), idempotency_key: ref("input", "headers", "x-key") }), {
      headers: ["x-key", "k-1"],
    });
    expect(bed.service.seen[0]?.headers["idempotency-key"]).toBe("k-1");
  });

  test("a write whose connection was lost is not sent again without a key", async () => {
    const dropping = startRawServer({ onRequest: (_, peer) => peer.reset() });
    const call = { uri: `http://127.0.0.1:${dropping.port}`, method: "POST", path: "/" };
    const step = { call, retry: { attempts: 4, ...quick } };
    expect((await bed.run(one(step))).code).toBe("CHAIN_STEP_UNREACHABLE");
    expect(dropping.requests).toHaveLength(1);
    await bed.run(one({ ...step, idempotency_key: "auto" }));
    expect(dropping.requests).toHaveLength(5);
    dropping.stop();
  });

  test("a write that was refused a connection is tried again: nobody saw it", async () => {
    const waits: number[] = [];
    const chain = bed.compile(
      one({
        call: { uri: "http://127.0.0.1:1", method: "POST", path: "/" },
        retry: { attempts: 3, backoff: { base: 4, max: 6 } },
      }),
      {
        random: () => {
          waits.push(1);
          return 0.5;
        },
      },
    );
    expect((await runOnce(chain)).code).toBe("CHAIN_STEP_UNREACHABLE");
    expect(waits).toHaveLength(2);
  });

  test("the wait between attempts is not begun when it would outlast the deadline", async () => {
    statuses = [503];
    const { code } = await bed.run({
      ...one({ call: get("/x"), retry: { attempts: 5, backoff: { base: 60_000, max: 60_000 } } }),
      deadline: 5000,
    });
    expect(code).toBe("CHAIN_STEP_STATUS");
  });
});

describe("hedge", () => {
  test("a slow call is sent a second time, the first answer wins and the other is given up", async () => {
    const { text } = await bed.run(one({ call: get("/first-held"), hedge: { after: 20 } }));
    expect(text).toBe("1");
    expect(bed.service.seen).toHaveLength(2);
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
    held.open();
  });

  test("a fast call is sent once", async () => {
    await bed.run(one({ call: get("/x"), hedge: { after: 2000 } }));
    expect(bed.service.seen).toHaveLength(1);
  });

  test("a write is sent twice only with the same key", async () => {
    await bed.run(
      one({ call: post("/first-held"), hedge: { after: 20 }, idempotency_key: "auto" }),
    );
    const keys = bed.service.seen.map((call) => call.headers["idempotency-key"]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    held.open();
  });
});

describe("breaker", () => {
  const step = { call: get("/x"), breaker: { failures: 3, window: 10_000, cooldown: 5000 } };

  test("opens after too many failures, lets one call probe after the cooldown, and closes", async () => {
    const clock = new MovedClock();
    const chain = bed.compile(one(step), { clock });
    statuses = [500];
    const codes: (string | null)[] = [];
    for (let i = 0; i < 5; i++) codes.push((await runOnce(chain)).code);
    expect(codes.slice(3)).toEqual(["CHAIN_BREAKER_OPEN", "CHAIN_BREAKER_OPEN"]);
    expect(bed.service.seen).toHaveLength(3);
    clock.aheadMs += 5001;
    expect((await runOnce(chain)).code).toBe("CHAIN_STEP_STATUS");
    expect((await runOnce(chain)).code).toBe("CHAIN_BREAKER_OPEN");
    expect(bed.service.seen).toHaveLength(4);
    clock.aheadMs += 5001;
    statuses = [200];
    expect((await runOnce(chain)).status).toBe(200);
    expect((await runOnce(chain)).status).toBe(200);
  });

  test("failures far apart do not open it, and a client's fault is none", async () => {
    const clock = new MovedClock();
    const chain = bed.compile(one(step), { clock });
    for (let i = 0; i < 6; i++) {
      statuses = [i % 2 === 0 ? 500 : 404];
      expect((await runOnce(chain)).code).toBe("CHAIN_STEP_STATUS");
      clock.aheadMs += 6000;
    }
    expect(bed.service.seen).toHaveLength(6);
  });

  test("is one per chain and step, shared by requests and kept over a new configuration", async () => {
    const state = createSurvivingState("routes/x");
    statuses = [500];
    const first = bed.compile(one(step), { state });
    for (let i = 0; i < 3; i++) await runOnce(first);
    const again = bed.compile({ ...one(step), deadline: 900 }, { state });
    const other = bed.compile({ ...one(step), id: "other" }, { state });
    expect((await runOnce(again)).code).toBe("CHAIN_BREAKER_OPEN");
    expect((await runOnce(other)).code).toBe("CHAIN_STEP_STATUS");
  });

  test("while it is open a fallback stands in", async () => {
    const state = createSurvivingState("routes/y");
    statuses = [500];
    const chain = bed.compile(one({ ...step, on_error: { fallback: { n: "stale" } } }), { state });
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) texts.push((await runOnce(chain)).text);
    expect(texts).toEqual(['"stale"', '"stale"', '"stale"', '"stale"']);
    expect(bed.service.seen).toHaveLength(3);
  });
});

describe("cache", () => {
  const cached = (policy: object = {}, call: object = get("/x")): object =>
    one({ call, cache: { ttl: 10, key: [ref("input", "query", "k")], ...policy } });
  const as = (who: string, query = "k=1"): PlainRequest => ({
    query,
    headers: who === "" ? [] : ["authorization", who],
  });

  test("a result is given out until its time is over, per key", async () => {
    const clock = new MovedClock();
    const chain = bed.compile(cached(), { clock });
    const texts: string[] = [];
    for (const query of ["k=1", "k=1", "k=2", "k=1"])
      texts.push((await runOnce(chain, as("", query))).text);
    clock.aheadMs += 10_001;
    texts.push((await runOnce(chain, as(""))).text);
    expect(texts).toEqual(["1", "1", "2", "1", "3"]);
  });

  test("clients with other credentials never get it, unless the chain says so", async () => {
    const own = bed.compile(cached(), { state: createSurvivingState("routes/own") });
    const shared = bed.compile(cached({ shared: true }), {
      state: createSurvivingState("routes/shared"),
    });
    const ask = async (chain: CompiledChain): Promise<string[]> => {
      const texts: string[] = [];
      for (const request of [
        as("Bearer a"),
        as("Bearer b"),
        as("Bearer a"),
        as(""),
        { query: "k=1", headers: ["cookie", "sid=1"] },
        { query: "k=1", headers: ["x-api-key", "1"] },
        { query: "k=1", headers: ["X-Session-Token", "1"] },
        { query: "k=1&Access_Token=1" },
      ])
        texts.push((await runOnce(chain, request)).text);
      return texts;
    };
    expect(await ask(own)).toEqual(["1", "2", "1", "3", "4", "5", "6", "7"]);
    version = 0;
    expect(await ask(shared)).toEqual(["1", "1", "1", "1", "1", "1", "1", "1"]);
  });

  test("stand-ins and failures are not remembered", async () => {
    const chain = bed.compile(
      one({
        call: get("/x"),
        cache: { ttl: 10, key: [] },
        on_status: { 404: { fallback: { n: 0 } } },
      }),
    );
    statuses = [404, 500, 200];
    const results: (string | number)[] = [];
    for (let i = 0; i < 4; i++) {
      const result = await runOnce(chain);
      results.push(result.status === 200 ? result.text : result.status);
    }
    expect(results).toEqual(["0", 502, "3", "3"]);
  });

  test("stale-while-revalidate gives the old one out and calls once in the background", async () => {
    const clock = new MovedClock();
    const chain = bed.compile(cached({ stale_while_revalidate: 60 }, get("/held")), { clock });
    held.open();
    expect((await runOnce(chain, as(""))).text).toBe("1");
    clock.aheadMs += 15_000;
    held = gate();
    const stale = await Promise.all([1, 2, 3].map(() => runOnce(chain, as(""))));
    expect(stale.map((result) => result.text)).toEqual(["1", "1", "1"]);
    await until(() => bed.service.open.now === 1);
    expect(bed.service.seen).toHaveLength(2);
    held.open();
    await until(() => bed.service.open.now === 0);
    await until(() => bed.targets.transport.stats().activeCalls === 0);
    expect((await runOnce(chain, as(""))).text).toBe("2");
  });

  test("stale-if-error gives the old one out when the service fails, not for a client's fault", async () => {
    const clock = new MovedClock();
    const chain = bed.compile(cached({ stale_if_error: 60 }), { clock });
    expect((await runOnce(chain, as(""))).text).toBe("1");
    clock.aheadMs += 15_000;
    statuses = [500];
    expect((await runOnce(chain, as(""))).text).toBe("1");
    statuses = [404];
    expect((await runOnce(chain, as(""))).status).toBe(502);
    clock.aheadMs += 60_000;
    statuses = [500];
    expect((await runOnce(chain, as(""))).status).toBe(502);
  });

  test("what was remembered for another call of the step is not used", async () => {
    const state = createSurvivingState("routes/z");
    expect((await runOnce(bed.compile(cached(), { state }), as(""))).text).toBe("1");
    const changed = bed.compile(cached({}, get("/x/changed")), { state });
    expect((await runOnce(changed, as(""))).text).toBe("2");
  });

  test("a result is looked into although it was remembered without", async () => {
    const state = createSurvivingState("routes/w");
    const step = { name: "a", call: get("/x"), cache: { ttl: 10, key: [] } };
    const blind = bed.compile({ steps: [step], reply: { body: ref("a") } }, { state });
    const seeing = bed.compile({ steps: [step], reply: { body: ref("a", "n") } }, { state });
    expect((await runOnce(blind)).text).toBe('{"n":1,"who":""}');
    expect((await runOnce(seeing)).text).toBe("1");
    expect(bed.service.seen).toHaveLength(1);
  });

  test("a POST that only reads can be cached", async () => {
    const chain = bed.compile(
      one({ call: post("/x"), cache: { ttl: 10, key: [1], allow_unsafe: true } }),
    );
    expect([(await runOnce(chain)).text, (await runOnce(chain)).text]).toEqual(["1", "1"]);
  });

  test("the cache holds no more bytes than it may, and drops what was not used for longest", async () => {
    const cache = createResultCache(8 * 1024);
    const chain = bed.compile(cached(), { state: createSurvivingState("routes/v", cache) });
    for (let i = 0; i < 50; i++) {
      await runOnce(chain, as("", `k=${i}`));
      await runOnce(chain, as("", "k=0"));
    }
    expect(cache.sizeBytes).toBeLessThanOrEqual(8 * 1024);
    expect(cache.sizeBytes).toBeGreaterThan(4 * 1024);
    expect((await runOnce(chain, as("", "k=0"))).text).toBe("1");
    expect((await runOnce(chain, as("", "k=1"))).text).toBe("51");
  });
});

describe("coalesce", () => {
  const step = { call: get("/held", { query: { k: ref("input", "query", "k") } }), coalesce: true };
  const as = (who: string, query = "k=1"): PlainRequest => ({
    query,
    headers: ["authorization", who],
  });

  test("equal calls in flight are sent once", async () => {
    const chain = bed.compile(one(step));
    const all = Promise.all(
      ["k=1", "k=1", "k=1", "k=2"].map((query) => runOnce(chain, as("a", query))),
    );
    await until(() => bed.service.open.now === 2);
    held.open();
    const texts = (await all).map((result) => result.text);
    expect(texts.slice(0, 3).every((text) => text === texts[0])).toBe(true);
    expect(bed.service.seen).toHaveLength(2);
    await runOnce(chain, as("a"));
    expect(bed.service.seen).toHaveLength(3);
  });

  test.each([
    ["Authorization", ["authorization", "Bearer a"], ["authorization", "Bearer b"]],
    ["one without", ["authorization", "Bearer a"], []],
    ["cookies", ["cookie", "sid=a"], ["cookie", "sid=b"]],
    ["API keys", ["apikey", "a"], ["apikey", "b"]],
  ])("never across other credentials: %s", async (_, first, second) => {
    const chain = bed.compile(one({ ...step, coalesce: { key: ["same"] } }));
    const all = Promise.all([first, second, first].map((headers) => runOnce(chain, { headers })));
    await until(() => bed.service.open.now === 2);
    held.open();
    const [a, b, c] = (await all).map((result) => result.text);
    expect(a).toBe(c);
    expect(a).not.toBe(b);
    expect(bed.service.seen).toHaveLength(2);
  });

  test("the one who sent it may leave; the others still get the answer", async () => {
    const chain = bed.compile(one(step));
    const leader = plainRequest(as("a"));
    const leading = runChain(chain, leader);
    await until(() => bed.service.open.now === 1);
    const following = runOnce(chain, as("a"));
    await Bun.sleep(0);
    leader.cancel.cancel("client-gone");
    expect(await leading).toMatchObject({ status: 499 });
    held.open();
    expect((await following).text).toBe("1");
    expect(bed.service.seen).toHaveLength(1);
  });

  test("when all who wait have left the call is given up", async () => {
    const chain = bed.compile(one(step));
    const requests = [plainRequest(as("a")), plainRequest(as("a"))];
    const running = requests.map((request) => runChain(chain, request));
    await until(() => bed.service.open.now === 1);
    for (const request of requests) request.cancel.cancel("client-gone");
    await Promise.all(running);
    expect(bed.targets.transport.stats().activeCalls).toBe(0);
    held.open();
  });

  test("each judges the answer with its own values", async () => {
    statuses = [404];
    const chain = bed.compile({
      steps: [
        {
          name: "a",
          call: get("/held"),
          coalesce: true,
          on_status: { 404: { fallback: { n: ref("input", "query", "me") } } },
        },
      ],
      reply: { body: ref("a", "n") },
    });
    const all = Promise.all(["me=x", "me=y"].map((query) => runOnce(chain, { query })));
    await until(() => bed.service.open.now === 1);
    held.open();
    expect((await all).map((result) => result.text)).toEqual(['"x"', '"y"']);
    expect(bed.service.seen).toHaveLength(1);
  });
});
