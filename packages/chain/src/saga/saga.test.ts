import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { storeErrors } from "@catena/store";
import { CancelScope } from "@catena/upstream";
import { runChain } from "../run/run-chain.ts";
import {
  type ChainTestbed,
  chainTestbed,
  ended,
  gate,
  get,
  post,
  ref,
  until,
} from "../testbed/chain-testbed.ts";
import {
  isToldFromTheStart,
  type Ledger,
  SAGA_STEPS,
  sagaConf,
  startLedger,
} from "../testbed/ledger.ts";
import { plainRequest } from "../testbed/plain-request.ts";
import { jsonReply } from "../testbed/service-double.ts";
import type { UndoRecords } from "./undo-log.ts";

const kept = new Map<string, string>();
/** What the record was before each call that a service saw. */
let storeFails: (key: string) => boolean = () => false;
const records: UndoRecords = {
  put: async (key, value) => {
    if (storeFails(key)) throw storeErrors.STORE_UNAVAILABLE({ url: "test:", reason: "down" });
    kept.set(key, value);
  },
  remove: async (key) => {
    if (storeFails(key)) throw storeErrors.STORE_UNAVAILABLE({ url: "test:", reason: "down" });
    kept.delete(key);
  },
};
const ledger: Ledger = startLedger();
const bed: ChainTestbed = chainTestbed(() => jsonReply("{}"), records);
afterAll(async () => {
  ledger.stop();
  await bed.stop();
});
beforeEach(() => {
  storeFails = () => false;
  kept.clear();
  bed.events.length = 0;
});
afterEach(() => {
  expect(bed.targets.transport.stats().activeCalls).toBe(0);
});

const saga = (rest: object = {}): object => ({ ...sagaConf(ledger.url), ...rest });
const open = (): { step: string; state: string; call: object | null }[] =>
  [...kept.values()].flatMap((text) => JSON.parse(text).entries);

describe("undo", () => {
  test("a chain that succeeds undoes nothing and leaves no record", async () => {
    ledger.reset(() => "answer");
    const { status } = await bed.run(saga());
    expect(status).toBe(201);
    expect(ledger.undone.size).toBe(0);
    expect(kept.size).toBe(0);
  });

  test("steps that succeeded are undone in reverse order, and the client is told", async () => {
    ledger.reset(({ step }) => (step === "s4" ? "refuse" : "answer"));
    const { status, text } = await bed.run(saga());
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({ step: "s4", undone: ["s3", "s2", "s1"] });
    expect(ledger.calls.filter((call) => call.kind === "undo").map((call) => call.step)).toEqual([
      "s3",
      "s2",
      "s1",
    ]);
    expect(kept.size).toBe(0);
  });

  test("an undo that fails is retried with its key, the others still run, and it stays recorded", async () => {
    ledger.reset(({ kind, step }) =>
      step === "s4" || (kind === "undo" && step === "s2") ? "refuse" : "answer",
    );
    const { status, code, text } = await bed.run(saga(), { id: "r-7" });
    expect([status, code]).toEqual([500, "CHAIN_UNDO_FAILED"]);
    expect(JSON.parse(text)).toMatchObject({ undone: ["s3", "s1"], undo_failed: ["s2"] });
    const keys = ledger.calls.flatMap((call) =>
      call.kind === "undo" && call.step === "s2" ? [call.key] : [],
    );
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(open()).toMatchObject([{ step: "s2", state: "failed", call: { key: keys[0] } }]);
    expect(bed.events).toMatchObject([
      { kind: "undo-failed", chain: "saga", request: "r-7", steps: ["s2"] },
    ]);
  });

  test("what was called is recorded before it is called", async () => {
    const before: string[][] = [];
    ledger.reset(({ kind }) => {
      if (kind === "do") before.push(open().map(({ step, state }) => `${step} ${state}`));
      return "answer";
    });
    await bed.run(saga());
    expect(before.map((entries) => entries.at(-1))).toEqual(
      SAGA_STEPS.map((step) => `${step} started`),
    );
    expect(before[2]).toEqual(["s1 done", "s2 done", "s3 started"]);
  });

  test("a step is not called when it cannot be recorded; those before are undone", async () => {
    ledger.reset(() => "answer");
    let puts = 0;
    storeFails = () => ++puts === 5;
    const { status, code, text } = await bed.run(saga());
    expect([status, code]).toEqual([503, "CHAIN_UNDO_LOG"]);
    expect(JSON.parse(text)).toMatchObject({ step: "s3", undone: ["s2", "s1"] });
    expect(ledger.done.has("s3")).toBe(false);
  });

  test("success that cannot be recorded is taken back before the client is told of it", async () => {
    ledger.reset(() => "answer");
    storeFails = () => ledger.done.has("s6");
    const { status, code } = await bed.run(saga());
    expect([status, code]).toEqual([503, "CHAIN_UNDO_CLOSE"]);
    expect([...ledger.undone.keys()].sort()).toEqual([...SAGA_STEPS]);
  });

  test("a step whose answer was lost is undone when that needs no response, else reported", async () => {
    for (const lost of ["s3", "s4"]) {
      kept.clear();
      ledger.reset(({ step, kind }) => (kind === "do" && step === lost ? "lose" : "answer"));
      const { status, text } = await bed.run(saga());
      expect(status).toBe(502);
      const body = JSON.parse(text);
      if (isToldFromTheStart(lost)) {
        expect(body.undone).toEqual(["s3", "s2", "s1"]);
        expect(kept.size).toBe(0);
      } else {
        expect(body).toMatchObject({ undone: ["s3", "s2", "s1"], outcome_unknown: ["s4"] });
        expect(open()).toMatchObject([{ step: "s4", state: "started", call: null }]);
      }
    }
  });

  test("an undo whose value the response does not hold is reported as failed", async () => {
    const own = chainTestbed((call) =>
      call.target === "/b" ? jsonReply("{}", 500) : jsonReply("{}"),
    );
    const { status, text } = await own.run({
      steps: [
        {
          name: "a",
          call: post("/a"),
          undo: { call: post("/undo/{id}", { params: { id: ref("a", "id") } }) },
        },
        { name: "b", call: post("/b") },
      ],
      reply: {},
    });
    await own.stop();
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ step: "b", undo_failed: ["a"] });
    expect(own.undoRecords()[0]?.entries).toMatchObject([
      { step: "a", state: "failed", call: null },
    ]);
  });

  test("steps that were skipped, or that something stood in for, are not undone", async () => {
    ledger.reset(({ step }) => (step === "s2" || step === "s6" ? "refuse" : "answer"));
    const conf = JSON.parse(JSON.stringify(saga()));
    conf.steps[0].when = false;
    conf.steps[1].on_error = { fallback: { id: "none" } };
    const { text } = await bed.run(conf);
    expect(JSON.parse(text)).toMatchObject({ step: "s6", undone: ["s5", "s4", "s3"] });
    expect(kept.size).toBe(0);
  });

  test("an answer of 400 or above undoes, one below does not", async () => {
    for (const [status, undone] of [
      [409, 6],
      [303, 0],
    ] as const) {
      ledger.reset(() => "answer");
      const conf = JSON.parse(JSON.stringify(saga({ reply: { status, body: { own: 1 } } })));
      const result = await bed.run(conf);
      expect([result.status, result.text]).toEqual([status, '{"own":1}']);
      expect(ledger.undone.size).toBe(undone);
      expect(kept.size).toBe(0);
    }
  });

  test("a forwarded request settles it: taken, nothing is undone; refused, everything is", async () => {
    for (const [isAccepted, undone] of [
      [true, 0],
      [false, 6],
    ] as const) {
      ledger.reset(() => "answer");
      const { reply: _, ...conf } = JSON.parse(JSON.stringify(saga()));
      const { outcome } = await bed.run({ ...conf, forward: { body: { a: 1 } } });
      // A process that ends now does not know whether the request was taken, and says so.
      expect([...kept.values()].map((text) => JSON.parse(text).forwarded)).toEqual([true]);
      if (outcome.kind === "forward") await outcome.settle?.(isAccepted);
      expect(ledger.undone.size).toBe(undone);
      expect(kept.size).toBe(0);
    }
  });

  test("a request is not sent on when that cannot be recorded; the steps are undone", async () => {
    ledger.reset(() => "answer");
    storeFails = () => ledger.done.has("s6") && ledger.undone.size === 0;
    const { reply: _, ...conf } = JSON.parse(JSON.stringify(saga()));
    const { status, code } = await bed.run({ ...conf, forward: {} });
    expect([status, code]).toEqual([503, "CHAIN_UNDO_CLOSE"]);
    expect([...ledger.undone.keys()].sort()).toEqual([...SAGA_STEPS]);
    expect(kept.size).toBe(0);
  });

  test("the undo of a chain used as a step runs with that of the chain that uses it", async () => {
    ledger.reset(({ step }) => (step === "s9" ? "refuse" : "answer"));
    const write = (name: string): object => ({
      name,
      call: { uri: ledger.url, method: "POST", path: `/do/${name}` },
      undo: { call: { uri: ledger.url, method: "POST", path: `/undo/${name}` } },
    });
    bed.chains.set("inner", { v: 1, steps: [write("s7"), write("s8")], reply: { body: 1 } });
    const { text } = await bed.run({
      steps: [write("s1"), { name: "in", sub: { chain: "inner" } }, write("s9")],
      reply: {},
    });
    expect(JSON.parse(text)).toMatchObject({ step: "s9", undone: ["in.s8", "in.s7", "s1"] });
    expect(kept.size).toBe(0);
  });

  test("a chain used as a step that fails takes back its own; the other goes on where it may", async () => {
    ledger.reset(({ step }) => (step === "s8" ? "refuse" : "answer"));
    const write = (name: string): object => ({
      name,
      call: { uri: ledger.url, method: "POST", path: `/do/${name}` },
      undo: { call: { uri: ledger.url, method: "POST", path: `/undo/${name}` } },
    });
    bed.chains.set("inner", { v: 1, steps: [write("s7"), write("s8")], reply: { body: 1 } });
    const { status } = await bed.run({
      steps: [write("s1"), { name: "in", sub: { chain: "inner" }, on_error: "skip" }, write("s9")],
      reply: {},
    });
    expect(status).toBe(200);
    expect([...ledger.undone.keys()]).toEqual(["s7"]);
    expect(kept.size).toBe(0);
  });

  test("a step with an undo that is in flight when another fails runs to its end, and is undone", async () => {
    const held = gate();
    const own = chainTestbed(async (call) => {
      if (call.target === "/slow") await held.passed;
      return call.target === "/bad" ? jsonReply("{}", 500) : jsonReply('{"id":4}');
    });
    const running = runChain(
      own.compile({
        steps: [
          {
            name: "slow",
            call: post("/slow"),
            undo: { call: post("/undo", { body: ref("slow", "id") }) },
          },
          { name: "plain", call: post("/slow"), parallel: true },
          { name: "bad", call: post("/bad"), parallel: true },
        ],
        reply: {},
      }),
      plainRequest(),
    );
    await until(() => own.service.to("/bad").length === 1);
    // The one without an undo is given up.
    await until(() => own.targets.transport.stats().activeCalls === 1);
    held.open();
    const { status, text } = await ended(await running);
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({ step: "bad", undone: ["slow"] });
    expect(own.service.to("/undo")[0]?.body).toBe("4");
    await own.stop();
  });

  test("items that were done when another one failed are told of", async () => {
    const own = chainTestbed((call) =>
      call.target === "/item/2" ? jsonReply("{}", 500) : jsonReply('{"id":1}'),
    );
    const conf = (undo: object): object => ({
      steps: [
        {
          name: "all",
          each: {
            in: [1, 2],
            concurrency: 1,
            do: { call: post("/item/{n}", { params: { n: ref("item") } }) },
          },
          undo: { call: post("/undo", undo) },
        },
      ],
      reply: {},
    });
    const blind = await own.run(conf({ body: { order: 7 } }));
    expect(JSON.parse(blind.text)).toMatchObject({ step: "all[1]", undone: ["all"] });
    const seeing = await own.run(conf({ body: { ids: ref("all") } }));
    expect(JSON.parse(seeing.text)).toMatchObject({ step: "all[1]", outcome_unknown: ["all"] });
    expect(own.undoRecords()).toHaveLength(1);
    await own.stop();
  });

  test("a gateway that stops gives undo calls up, and the record says that it did", async () => {
    const cancel = new CancelScope();
    ledger.reset(({ kind, step }) => {
      if (step === "s4") return "refuse";
      if (kind === "undo" && step === "s2") {
        cancel.cancel("shutdown");
        return "hang";
      }
      return "answer";
    });
    const { status, text } = await bed.run(saga(), { cancel });
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ undone: ["s3"], undo_failed: ["s2", "s1"] });
    expect(open()).toMatchObject([
      { step: "s1", state: "failed", reason: "CHAIN_CANCELLED" },
      { step: "s2", state: "failed", reason: "CHAIN_CANCELLED" },
    ]);
  });

  test("a deadline that passes still undoes what was done", async () => {
    const hanging = chainTestbed(async (call) => {
      if (call.target === "/slow") await Bun.sleep(20_000);
      return jsonReply('{"id":1}');
    });
    const { status, text } = await hanging.run({
      deadline: 100,
      steps: [
        { name: "a", call: post("/a"), undo: { call: post("/undo", { body: ref("a", "id") }) } },
        { name: "b", call: get("/slow"), after: ["a"] },
      ],
      reply: { body: ref("b") },
    });
    expect(status).toBe(504);
    expect(JSON.parse(text)).toMatchObject({ undone: ["a"] });
    expect(hanging.service.to("/undo")).toHaveLength(1);
    expect(hanging.targets.transport.stats().activeCalls).toBe(0);
    await hanging.stop();
  });
});

describe("saga drill in process", () => {
  const kinds = ["refuse", "lose"] as const;
  for (const [at, failing] of SAGA_STEPS.entries()) {
    for (const kind of kinds) {
      for (const undoFails of [false, true]) {
        for (const isGone of [false, true]) {
          const name = `${failing} ${kind}s, undo ${undoFails ? "fails" : "works"}, client ${isGone ? "gone" : "there"}`;
          test(name, () => drill(at, failing, kind, undoFails, isGone));
        }
      }
    }
  }

  async function drill(
    at: number,
    failing: string,
    kind: "refuse" | "lose",
    undoFails: boolean,
    isGone: boolean,
  ): Promise<void> {
    const cancel = new CancelScope();
    const brokenUndo = SAGA_STEPS[at >> 1] ?? "";
    ledger.reset((call) => {
      if (call.kind === "undo") return undoFails && call.step === brokenUndo ? "refuse" : "answer";
      if (call.step !== failing) return "answer";
      if (isGone) cancel.cancel("client-gone");
      return kind;
    });
    const outcome = await runChain(bed.compile(saga()), plainRequest({ cancel }));
    expect(outcome.kind === "reply" && outcome.status >= 400).toBe(true);
    const recorded = new Set(open().map((entry) => entry.step));
    for (const step of SAGA_STEPS) {
      const keys = ledger.undone.get(step)?.size ?? 0;
      expect(keys).toBeLessThanOrEqual(1);
      if (ledger.done.has(step)) expect(keys === 1 || recorded.has(step)).toBe(true);
      else expect(keys === 0 || isToldFromTheStart(step)).toBe(true);
    }
  }
});
