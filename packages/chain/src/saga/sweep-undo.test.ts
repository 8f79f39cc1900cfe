import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigStore, openStore } from "@catena/store";
import { CancelScope, createWireTransport } from "@catena/upstream";
import { until } from "../testbed/chain-testbed.ts";
import { type DirectTargets, directTargets } from "../testbed/direct-targets.ts";
import { type Ledger, startLedger } from "../testbed/ledger.ts";
import { sweepUndo } from "./sweep-undo.ts";
import { UNDO_PREFIX } from "./undo-log.ts";
import type { UndoEntry, UndoRecord } from "./undo-record.ts";

const now = 1_000_000;

let folder: string;
let store: ConfigStore;
let ledger: Ledger;
let targets: DirectTargets;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-sweep-"));
  store = openStore(`sqlite:${join(folder, "catena.db")}`);
  ledger = startLedger();
  targets = directTargets({}, createWireTransport());
});
afterAll(async () => {
  ledger.stop();
  await targets.transport.close();
  await store.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  ledger.reset(() => "answer");
  for (const { key } of (await store.list(UNDO_PREFIX)).entries)
    await store.transact({ comparisons: [], operations: [{ kind: "delete", key }] });
});

function entry(step: string, rest: Partial<UndoEntry> = {}): UndoEntry {
  return {
    step,
    state: "done",
    call: {
      target: `uri:${ledger.url}`,
      method: "POST",
      path: `/undo/${step}`,
      headers: ["Idempotency-Key", `key-of-${step}`],
      key: `key-of-${step}`,
      timeoutMs: 2000,
      attempts: 1,
    },
    ...rest,
  };
}

async function keep(entries: readonly UndoEntry[], rest: Partial<UndoRecord> = {}): Promise<void> {
  const record = { v: 1, id: "r1", chain: "c", request: "q", startedAt: 1, ownedUntil: now };
  const value = JSON.stringify({ ...record, entries, ...rest });
  const key = UNDO_PREFIX + (rest.id ?? record.id);
  await store.transact({ comparisons: [], operations: [{ kind: "put", key, value }] });
}

const sweep = (nowMs = now) => sweepUndo(store, { targets, nowMs });
const kept = async (): Promise<UndoRecord[]> =>
  (await store.list(UNDO_PREFIX)).entries.map(({ value }) => JSON.parse(value));
const undone = () => ledger.calls.map(({ step, key }) => `${step} ${key}`);

describe("a pass over the undo records", () => {
  test("undoes what a process that is gone left done, last step first, and removes the record", async () => {
    await keep([entry("s1"), entry("s2"), entry("s3", { state: "started" })]);
    expect(await sweep()).toEqual({ worked: [{ id: "r1", left: null }], waiting: [] });
    expect(undone()).toEqual(["s3 key-of-s3", "s2 key-of-s2", "s1 key-of-s1"]);
    expect(await kept()).toEqual([]);
  });

  test("undoes what a gateway that stopped gave up", async () => {
    const reason = "CHAIN_CANCELLED";
    await keep([
      entry("s1", { state: "failed", reason }),
      entry("s2", { state: "started", reason }),
    ]);
    expect(await sweep()).toEqual({ worked: [{ id: "r1", left: null }], waiting: [] });
    expect(undone()).toEqual(["s2 key-of-s2", "s1 key-of-s1"]);
  });

  const passedOver: readonly [says: string, () => Promise<void>, waiting: readonly string[]][] = [
    ["is claimed", () => keep([entry("s1")], { ownedUntil: now + 1 }), []],
    ["was sent on", () => keep([entry("s1")], { forwarded: true }), ["r1"]],
    ["was tried", () => keep([entry("s1", { state: "failed", reason: "answered 500" })]), ["r1"]],
    [
      "was tried where nobody knows whether it happened",
      () => keep([entry("s1", { state: "started", reason: "answered 500" })]),
      ["r1"],
    ],
    [
      "needs a response that never came",
      () => keep([entry("s1", { state: "started", call: null })]),
      ["r1"],
    ],
    ["is of a later version", () => keep([entry("s1")], { v: 2 } as never), []],
  ];
  test.each(passedOver)("leaves alone what %s", async (_says, put, waiting) => {
    await put();
    const before = await kept();
    expect(await sweep()).toEqual({ worked: [], waiting });
    expect(await kept()).toEqual(before);
    expect(undone()).toEqual([]);
  });

  test("what fails is tried once, and then waits for a person", async () => {
    ledger.decide(({ step }) => (step === "s1" ? "refuse" : "answer"));
    await keep([entry("s1"), entry("s2")]);
    expect(await sweep()).toMatchObject({
      worked: [{ id: "r1", left: { steps: [{ step: "s1" }] } }],
    });
    expect(await sweep()).toEqual({ worked: [], waiting: ["r1"] });
    expect(undone()).toEqual(["s2 key-of-s2", "s1 key-of-s1"]);
    expect(await kept()).toMatchObject([{ entries: [{ step: "s1", state: "failed" }] }]);
  });

  test("of several at the same time one undoes each record", async () => {
    for (let i = 0; i < 5; i++) await keep([entry(`s${i}`)], { id: `r${i}` });
    await Promise.all([sweep(), sweep(), sweep(), sweep()]);
    expect(undone().sort()).toEqual([0, 1, 2, 3, 4].map((i) => `s${i} key-of-s${i}`));
    expect(await kept()).toEqual([]);
  });

  test("one that is given up leaves the rest as it was, free for the next", async () => {
    await keep([entry("s1"), entry("s2")]);
    const cancel = new CancelScope();
    ledger.decide(({ step }) => (step === "s1" ? "hang" : "answer"));
    const swept = sweepUndo(store, { targets, nowMs: now, cancel });
    await until(() => ledger.calls.length === 2);
    cancel.cancel("shutdown");
    await swept;
    expect(await kept()).toMatchObject([{ ownedUntil: 0, entries: [entry("s1")] }]);
    ledger.decide(() => "answer");
    expect(await sweep()).toEqual({ worked: [{ id: "r1", left: null }], waiting: [] });
    expect(undone().slice(1)).toEqual(["s1 key-of-s1", "s1 key-of-s1"]);
  });
});
