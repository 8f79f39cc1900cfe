import { describe, expect, test } from "bun:test";
import type { Change, ConfigStore, StoreEntry, StoreList, WatchHandler } from "@catena/store";
import { createLog } from "../log.ts";
import { ConfigSync, type SyncTarget } from "./sync.ts";

const entry = (key: string, modRevision: number): StoreEntry => ({
  key,
  value: "{}",
  createRevision: 1,
  modRevision,
});

class RecordingTarget implements SyncTarget {
  readonly applied = new Map<string, number>();
  batches = 0;
  /** What the next changes wait for. */
  waiting: Promise<void> | null = null;
  prepare(): Promise<void> | null {
    const { waiting } = this;
    this.waiting = null;
    return waiting;
  }
  apply(changes: readonly Change[]): void {
    this.batches++;
    for (const change of changes) {
      if (change.kind === "put") this.applied.set(change.entry.key, change.entry.modRevision);
      else this.applied.delete(change.key);
    }
  }
  keys(): Iterable<string> {
    return this.applied.keys();
  }
  modRevision(key: string): number | undefined {
    return this.applied.get(key);
  }
}

/** A store whose list and watch the test drives. */
function drivenStore(lists: (StoreList | Error)[]) {
  let handler: WatchHandler | null = null;
  let from = 0;
  const store: ConfigStore = {
    url: "test:",
    get: () => Promise.resolve(null),
    list: () => {
      const next = lists.shift();
      return next instanceof Error || next === undefined
        ? Promise.reject(next ?? new Error("no more lists"))
        : Promise.resolve(next);
    },
    transact: () => Promise.resolve({ committed: true, revision: 0 }),
    watch: (_prefix, fromRevision, given) => {
      handler = given;
      from = fromRevision;
      return { close: () => Promise.resolve() };
    },
    close: () => Promise.resolve(),
  };
  return {
    store,
    get from() {
      return from;
    },
    get handler(): WatchHandler {
      if (handler === null) throw new Error("nobody watches");
      return handler;
    },
  };
}

function started(lists: (StoreList | Error)[], waiting: Promise<void> | null = null) {
  const target = new RecordingTarget();
  target.waiting = waiting;
  const driven = drivenStore(lists);
  const lines: string[] = [];
  const sync = new ConfigSync({
    store: driven.store,
    prefix: "/apisix/",
    target,
    log: createLog((line) => lines.push(line)),
    random: () => 0,
  });
  sync.start();
  return { target, driven, sync, lines };
}

const tenKeys: StoreList = {
  entries: Array.from({ length: 10 }, (_, i) => entry(`/apisix/routes/${i}`, 5)),
  revision: 7,
};

describe("ConfigSync", () => {
  test("lists, then watches from the revision after the list", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    expect(target.applied.size).toBe(10);
    expect(driven.from).toBe(8);
    expect(sync.state).toMatchObject({ connected: true, revision: 7, reason: null, held: null });
  });

  test("keeps trying while the store is away, and says why", async () => {
    const { target, sync } = started([new Error("refused"), tenKeys]);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(sync.state).toMatchObject({ connected: false, reason: "refused", revision: null });
    await sync.ready;
    expect(target.applied.size).toBe(10);
  });

  test("a full list after a reconnect becomes exactly the difference", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    driven.handler.onReset(
      { entries: [entry("/apisix/routes/1", 5), entry("/apisix/routes/x", 9)], revision: 9 },
      "reconnected",
    );
    expect([...target.applied.keys()].sort()).toEqual(["/apisix/routes/1", "/apisix/routes/x"]);
    expect(sync.state.revision).toBe(9);
  });

  test("a wiped store deletes nothing until accepted", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    driven.handler.onReset({ entries: [], revision: 1 }, "regressed");
    expect(target.applied.size).toBe(10);
    expect(sync.state.held?.keys.length).toBe(10);
    // A key that is written again is no longer held.
    driven.handler.onChanges([{ kind: "put", entry: entry("/apisix/routes/1", 2) }], 2);
    expect(sync.state.held?.keys.length).toBe(9);
    expect(sync.acceptHeld()).toBe(9);
    expect([...target.applied]).toEqual([["/apisix/routes/1", 2]]);
    expect(sync.state.held).toBeNull();
  });

  test("after a regression equal revisions are not taken for equal values", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    const before = target.batches;
    driven.handler.onReset(tenKeys, "regressed");
    expect(target.batches).toBe(before + 1);
    expect(sync.state.held).toBeNull();
  });

  test("what changes need is waited for, and what comes behind them keeps its turn", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    target.waiting = promise;
    driven.handler.onChanges([{ kind: "put", entry: entry("/apisix/routes/1", 8) }], 8);
    driven.handler.onChanges([{ kind: "put", entry: entry("/apisix/routes/1", 9) }], 9);
    driven.handler.onReset({ entries: [entry("/apisix/routes/1", 9)], revision: 10 }, "compacted");
    expect([target.applied.get("/apisix/routes/1"), sync.state.revision]).toEqual([5, 7]);
    const before = target.batches;
    resolve();
    await promise;
    await new Promise((done) => setImmediate(done));
    expect([...target.applied]).toEqual([["/apisix/routes/1", 9]]);
    expect([target.batches - before, sync.state.revision]).toEqual([3, 10]);
  });

  test("the first list is not there before what it needs", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { target, sync } = started([tenKeys], promise);
    let isReady = false;
    void sync.ready.then(() => {
      isReady = true;
    });
    await new Promise((done) => setImmediate(done));
    expect([isReady, target.applied.size]).toEqual([false, 0]);
    resolve();
    await sync.ready;
    expect(target.applied.size).toBe(10);
  });

  test("accepting what is held spares what was written meanwhile", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    driven.handler.onReset({ entries: [], revision: 1 }, "regressed");
    const { promise, resolve } = Promise.withResolvers<void>();
    target.waiting = promise;
    driven.handler.onChanges([{ kind: "put", entry: entry("/apisix/routes/1", 2) }], 2);
    expect(sync.acceptHeld()).toBe(10);
    resolve();
    await new Promise((done) => setImmediate(done));
    expect([...target.applied]).toEqual([["/apisix/routes/1", 2]]);
  });

  test("with a thousand changes behind them, they wait no longer", async () => {
    const { target, driven, sync } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    target.waiting = promise;
    for (let revision = 8; revision < 1110; revision++) {
      driven.handler.onChanges(
        [{ kind: "put", entry: entry("/apisix/routes/1", revision) }],
        revision,
      );
    }
    expect(target.applied.get("/apisix/routes/1")).toBe(5);
    target.waiting = new Promise(() => undefined);
    resolve();
    await new Promise((done) => setImmediate(done));
    expect(target.applied.get("/apisix/routes/1")).toBe(1109);
  });

  test("says once that the connection went and came back", async () => {
    const { driven, sync, lines } = started([tenKeys]);
    await sync.ready;
    await Promise.resolve();
    driven.handler.onState({ kind: "disconnected", reason: "gone" });
    driven.handler.onState({ kind: "disconnected", reason: "still gone" });
    expect(sync.state).toMatchObject({ connected: false, reason: "still gone", revision: 7 });
    driven.handler.onState({ kind: "connected", revision: 7 });
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "store connected",
      "store disconnected",
      "store connected",
    ]);
  });
});
