import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import type { Comparison, ConfigStore, Operation, TransactionResult } from "./store.ts";
import { render, until, WatchRecorder } from "./watch-recorder.ts";

/** One place where data lives, which the suite opens handles on. */
export interface StoreHarness {
  /** Opens one more handle on the same data, as another process would. */
  connect(): ConfigStore;
  /** Ends what `start` began and removes the data. */
  stop(): Promise<void>;
}

const put = (key: string, value: string, ttlSeconds?: number): Operation =>
  ttlSeconds === undefined ? { kind: "put", key, value } : { kind: "put", key, value, ttlSeconds };
const remove = (key: string): Operation => ({ kind: "delete", key });

async function write(
  store: ConfigStore,
  operations: readonly Operation[],
  comparisons: readonly Comparison[] = [],
): Promise<number> {
  const result = await store.transact({ comparisons, operations });
  if (!result.committed) throw new Error(`conflict on ${result.conflicts.join(", ")}`);
  return result.revision;
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (isGatewayError(error)) return error.code;
    throw error;
  }
  return "no error";
}

/**
 * Checks that an implementation keeps the contract of {@link ConfigStore}. Every implementation runs
 * the same suite.
 */
export function describeStore(name: string, start: () => Promise<StoreHarness>): void {
  describe(name, () => {
    setDefaultTimeout(30_000);
    let harness: StoreHarness;
    let store: ConfigStore;
    let other: ConfigStore;
    let serial = 0;
    /** Each test has a prefix of its own, since all share one store. */
    const freshPrefix = () => `/t${++serial}/`;

    beforeAll(async () => {
      harness = await start();
      store = harness.connect();
      other = harness.connect();
    });
    afterAll(async () => {
      await store?.close();
      await other?.close();
      await harness?.stop();
    });

    describe("get and list", () => {
      test("a key that does not exist is null, and an empty prefix lists nothing", async () => {
        const prefix = freshPrefix();
        expect(await store.get(`${prefix}none`)).toBeNull();
        expect((await store.list(prefix)).entries).toEqual([]);
      });

      test("a new key has the revision of its transaction as both revisions", async () => {
        const key = `${freshPrefix()}a`;
        const revision = await write(store, [put(key, "1")]);
        expect(await store.get(key)).toEqual({
          key,
          value: "1",
          createRevision: revision,
          modRevision: revision,
        });
      });

      test("a second put keeps the create revision", async () => {
        const key = `${freshPrefix()}a`;
        const created = await write(store, [put(key, "1")]);
        const modified = await write(store, [put(key, "2")]);
        expect(modified).toBeGreaterThan(created);
        expect(await store.get(key)).toMatchObject({
          value: "2",
          createRevision: created,
          modRevision: modified,
        });
      });

      test("a key put again after a delete is created anew", async () => {
        const key = `${freshPrefix()}a`;
        const first = await write(store, [put(key, "1")]);
        await write(store, [remove(key)]);
        expect(await store.get(key)).toBeNull();
        const again = await write(store, [put(key, "1")]);
        expect(again).toBe(first + 2);
        expect((await store.get(key))?.createRevision).toBe(again);
      });

      test("keys come in byte order, which differs from UTF-16 order", async () => {
        const prefix = freshPrefix();
        const names = ["\u{1f600}", "a/b", "a", "a!", "B", "\uffee", "é", "10", "9", "a0"];
        await write(
          store,
          names.map((n) => put(prefix + n, n)),
        );
        const listed = (await store.list(prefix)).entries.map(({ key }) => key);
        const expected = names
          .map((n) => prefix + n)
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(listed).toEqual(expected);
      });

      test("a prefix does not catch a longer name without the slash", async () => {
        const root = freshPrefix();
        await write(store, [put(`${root}apisix/routes/1`, "in"), put(`${root}apisix2/x`, "out")]);
        const { entries } = await store.list(`${root}apisix/`);
        expect(entries.map(({ value }) => value)).toEqual(["in"]);
      });

      test("a prefix is text, not a pattern", async () => {
        const root = freshPrefix();
        await write(store, [put(`${root}a_b%`, "in"), put(`${root}axb%`, "out")]);
        expect((await store.list(`${root}a_b%`)).entries.map(({ value }) => value)).toEqual(["in"]);
      });

      test("the empty prefix lists everything", async () => {
        const key = `${freshPrefix()}a`;
        await write(store, [put(key, "1")]);
        expect((await store.list("")).entries.map((entry) => entry.key)).toContain(key);
      });

      test("the list carries the revision of the last write", async () => {
        const prefix = freshPrefix();
        const revision = await write(store, [put(`${prefix}a`, "1")]);
        expect((await store.list(prefix)).revision).toBe(revision);
      });

      test.each([
        ["text in many scripts", "日本語 – ñ – 🦜 – \u0000 – \u{10ffff}"],
        ["text that is not JSON", "init_dir"],
        ["the empty text", ""],
        ["a line break and quotes", "'\r\n\"\\"],
        ["1 MB", "x".repeat(1_000_000)],
      ])("a value that is %s comes back unchanged", async (_name, value) => {
        const key = `${freshPrefix()}ключ/🦜`;
        await write(store, [put(key, value)]);
        expect((await other.get(key))?.value).toBe(value);
      });

      test("two handles see each other's writes", async () => {
        const prefix = freshPrefix();
        await write(store, [put(`${prefix}a`, "1")]);
        expect((await other.get(`${prefix}a`))?.value).toBe("1");
        await write(other, [put(`${prefix}a`, "2")]);
        expect((await store.get(`${prefix}a`))?.value).toBe("2");
        expect(await store.list(prefix)).toEqual(await other.list(prefix));
      });
    });

    describe("transact", () => {
      test("0 means that the key must not exist", async () => {
        const key = `${freshPrefix()}a`;
        const attempt = { comparisons: [{ key, modRevision: 0 }], operations: [put(key, "1")] };
        expect((await store.transact(attempt)).committed).toBe(true);
        expect(await store.transact(attempt)).toEqual({ committed: false, conflicts: [key] });
      });

      test("a comparison with the last revision holds, with an older one it does not", async () => {
        const key = `${freshPrefix()}a`;
        const first = await write(store, [put(key, "1")]);
        await write(store, [put(key, "2")], [{ key, modRevision: first }]);
        expect(
          await other.transact({
            comparisons: [{ key, modRevision: first }],
            operations: [put(key, "3")],
          }),
        ).toEqual({ committed: false, conflicts: [key] });
        expect((await store.get(key))?.value).toBe("2");
      });

      test("only the keys in conflict are named, and nothing is applied", async () => {
        const prefix = freshPrefix();
        const [a, b, c] = [`${prefix}a`, `${prefix}b`, `${prefix}c`];
        const revision = await write(store, [put(a, "1"), put(b, "1")]);
        const before = await store.list(prefix);
        const result = await store.transact({
          comparisons: [
            { key: a, modRevision: revision },
            { key: b, modRevision: revision - 1 },
            { key: c, modRevision: 7 },
          ],
          operations: [put(a, "2"), put(b, "2"), remove(c)],
        });
        expect(result).toEqual({ committed: false, conflicts: [b, c] });
        expect((await store.list(prefix)).entries).toEqual(before.entries);
      });

      test("all changes of one transaction share one revision", async () => {
        const prefix = freshPrefix();
        await write(store, [put(`${prefix}old`, "1")]);
        const revision = await write(store, [
          put(`${prefix}a`, "1"),
          put(`${prefix}b`, "1"),
          remove(`${prefix}old`),
        ]);
        const { entries } = await store.list(prefix);
        expect(entries.map(({ modRevision }) => modRevision)).toEqual([revision, revision]);
      });

      test("deleting what is not there, or doing nothing, makes no revision", async () => {
        const prefix = freshPrefix();
        const revision = await write(store, [put(`${prefix}a`, "1")]);
        expect(await write(store, [remove(`${prefix}none`)])).toBe(revision);
        expect(await write(store, [])).toBe(revision);
        expect(await write(store, [], [{ key: `${prefix}a`, modRevision: revision }])).toBe(
          revision,
        );
      });

      test("of many writers that compare, exactly one wins", async () => {
        const key = `${freshPrefix()}a`;
        const revision = await write(store, [put(key, "start")]);
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            (i % 2 === 0 ? store : other).transact({
              comparisons: [{ key, modRevision: revision }],
              operations: [put(key, String(i))],
            }),
          ),
        );
        const winners = results.flatMap(({ committed }, i) => (committed ? [String(i)] : []));
        expect(winners).toHaveLength(1);
        expect((await store.get(key))?.value).toBe(winners[0]!);
      });

      test("counting with compare-and-set loses no update", async () => {
        const key = `${freshPrefix()}n`;
        await write(store, [put(key, "0")]);
        const increment = async (handle: ConfigStore) => {
          for (let result: TransactionResult | undefined; !result?.committed; ) {
            const entry = (await handle.get(key))!;
            result = await handle.transact({
              comparisons: [{ key, modRevision: entry.modRevision }],
              operations: [put(key, String(Number(entry.value) + 1))],
            });
          }
        };
        await Promise.all(
          [store, other].map(async (handle) => {
            for (let i = 0; i < 25; i++) await increment(handle);
          }),
        );
        expect((await store.get(key))?.value).toBe("50");
      });

      test.each([
        ["a key named twice", [put("/x/a", "1"), put("/x/a", "2")]],
        ["a put and a delete of one key", [put("/x/a", "1"), remove("/x/a")]],
        ["an empty key", [put("", "1")]],
        ["half a surrogate pair in a key", [put("/x/\ud800", "1")]],
        ["half a surrogate pair in a value", [put("/x/a", "\udc00")]],
        ["a TTL of 0", [put("/x/a", "1", 0)]],
        ["a TTL of half a second", [put("/x/a", "1", 0.5)]],
        ["a TTL that is no number", [put("/x/a", "1", Number.NaN)]],
      ])("refuses %s", async (_name, operations) => {
        expect(await codeOf(store.transact({ comparisons: [], operations }))).toBe(
          "STORE_TRANSACTION_INVALID",
        );
        expect((await store.list("/x/")).entries).toEqual([]);
      });

      test("refuses more than it can take in one piece", async () => {
        const key = `${freshPrefix()}a`;
        const operations = [put(key, "x".repeat(65 * 1024 * 1024))];
        expect(await codeOf(store.transact({ comparisons: [], operations }))).toBe(
          "STORE_TOO_LARGE",
        );
        expect(await store.get(key)).toBeNull();
      });
    });

    describe("watch", () => {
      test("hands over later changes, in order, each once", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const watch = store.watch(prefix, list.revision + 1, seen);
        const revisions = [
          await write(store, [put(`${prefix}a`, "1")]),
          await write(other, [put(`${prefix}a`, "2")]),
          await write(store, [remove(`${prefix}a`)]),
        ];
        await until("three changes", () => seen.changes.length >= 3);
        await watch.close();
        const [created, modified, deleted] = revisions;
        const entry = { key: `${prefix}a`, createRevision: created! };
        expect(seen.changes).toEqual([
          { kind: "put", entry: { ...entry, value: "1", modRevision: created! } },
          { kind: "put", entry: { ...entry, value: "2", modRevision: modified! } },
          { kind: "delete", key: `${prefix}a`, revision: deleted! },
        ]);
        expect(seen.batches.at(-1)?.revision).toBe(deleted!);
        expect(seen.resets).toEqual([]);
        expect(seen.states.map(({ kind }) => kind)).toEqual(["connected"]);
      });

      test("replays from an old revision", async () => {
        const prefix = freshPrefix();
        const first = await write(store, [put(`${prefix}a`, "1")]);
        await write(store, [put(`${prefix}b`, "1")]);
        await write(store, [remove(`${prefix}a`), put(`${prefix}b`, "2")]);
        const seen = new WatchRecorder();
        const watch = other.watch(prefix, first, seen);
        await until("four changes", () => seen.changes.length >= 4);
        await watch.close();
        expect(
          seen.changes.map((c) => (c.kind === "put" ? `${c.entry.key}=${c.entry.value}` : c.key)),
        ).toEqual([`${prefix}a=1`, `${prefix}b=1`, `${prefix}a`, `${prefix}b=2`]);
        expect(seen.folded).toEqual(render((await store.list(prefix)).entries));
      });

      test("begins after the list it continues", async () => {
        const prefix = freshPrefix();
        await write(store, [put(`${prefix}a`, "1")]);
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const watch = store.watch(prefix, list.revision + 1, seen);
        await write(other, [put(`${prefix}b`, "1")]);
        await until("the change", () => seen.changes.length > 0);
        await watch.close();
        expect(seen.changes).toHaveLength(1);
        expect(seen.folded).toEqual(render((await store.list(prefix)).entries));
      });

      test("hands over a transaction in one batch", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const [mine, others] = [new WatchRecorder(list), new WatchRecorder(list)];
        const watches = [
          store.watch(prefix, list.revision + 1, mine),
          other.watch(prefix, list.revision + 1, others),
        ];
        const names = Array.from({ length: 100 }, (_, i) => `${prefix}${i}`);
        for (const round of ["1", "2", "3"])
          await write(
            store,
            names.map((n) => put(n, round)),
          );
        for (const seen of [mine, others]) {
          await until("300 changes", () => seen.changes.length >= 300);
          for (const { changes } of seen.batches) expect(changes.length % 100).toBe(0);
        }
        await Promise.all(watches.map((watch) => watch.close()));
      });

      test("sees nothing outside its prefix", async () => {
        const root = freshPrefix();
        const list = await store.list(root);
        const seen = new WatchRecorder(list);
        const watch = store.watch(`${root}apisix/`, list.revision + 1, seen);
        await write(store, [put(`${root}apisix2/a`, "out")]);
        await write(store, [put(`${root}apisix`, "out"), put(`${root}apisix/a`, "in")]);
        await until("the change inside", () => seen.changes.length > 0);
        await watch.close();
        expect(seen.changes.map((c) => (c.kind === "put" ? c.entry.value : c.key))).toEqual(["in"]);
      });

      test("asks for a comparison of everything when it is ahead of the store", async () => {
        const prefix = freshPrefix();
        const revision = await write(store, [put(`${prefix}a`, "1")]);
        const seen = new WatchRecorder();
        const watch = store.watch(prefix, revision + 1_000, seen);
        await until("the list", () => seen.resets.length > 0);
        await watch.close();
        expect(seen.resets[0]?.reason).toBe("regressed");
        expect(seen.folded).toEqual(render((await store.list(prefix)).entries));
      });

      test("never calls the handler before it has returned", async () => {
        const prefix = freshPrefix();
        const revision = await write(store, [put(`${prefix}a`, "1")]);
        const seen = new WatchRecorder();
        const watch = store.watch(prefix, revision, seen);
        expect([...seen.batches, ...seen.states, ...seen.resets]).toEqual([]);
        await watch.close();
      });

      test("is silent after close, and closes twice", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const [closed, open] = [new WatchRecorder(list), new WatchRecorder(list)];
        const first = store.watch(prefix, list.revision + 1, closed);
        const second = store.watch(prefix, list.revision + 1, open);
        await until("both are connected", () => closed.isConnected && open.isConnected);
        await first.close();
        await first.close();
        await write(other, [put(`${prefix}a`, "1")]);
        await until("the open one has it", () => open.changes.length > 0);
        await second.close();
        expect(closed.changes).toEqual([]);
        expect(closed.states.map(({ kind }) => kind)).toEqual(["connected"]);
      });

      test("hands over the list again after a handler that threw", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const onChanges = seen.onChanges.bind(seen);
        let failures = 0;
        seen.onChanges = (changes, revision) => {
          if (failures++ === 0) throw new Error("the receiver broke");
          onChanges(changes, revision);
        };
        const watch = store.watch(prefix, list.revision + 1, seen);
        await until("it is connected", () => seen.isConnected);
        await write(other, [put(`${prefix}a`, "1")]);
        await until("the list", () => seen.resets.length > 0 && seen.isConnected);
        await write(other, [put(`${prefix}b`, "1")]);
        await until("the next change", () => seen.value(`${prefix}b`) === "1");
        await watch.close();
        expect(seen.resets.map(({ reason }) => reason)).toEqual(["reconnected"]);
        expect(seen.folded).toEqual(render((await store.list(prefix)).entries));
        expect(seen.states.map(({ kind }) => kind)).toEqual([
          "connected",
          "disconnected",
          "connected",
        ]);
      });

      test("500 concurrent writes reach a watcher that joins midway, none lost or twice", async () => {
        const prefix = freshPrefix();
        const writes = Array.from({ length: 500 }, (_, i) => {
          const key = `${prefix}${i % 60}`;
          return i % 7 === 6 ? [remove(key)] : [put(key, String(i)), put(`${key}/twin`, String(i))];
        });
        const run = (part: readonly Operation[][], handle: ConfigStore) =>
          Promise.all(part.map((operations) => write(handle, operations)));
        await run(writes.slice(0, 100), store);
        const rest = [run(writes.slice(100, 300), store), run(writes.slice(300), other)];
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const watch = store.watch(prefix, list.revision + 1, seen);
        await Promise.all(rest);
        const end = await write(store, [put(`${prefix}end`, "")]);
        await until("the end", () => seen.batches.at(-1)?.revision === end);
        await watch.close();
        const marks = seen.changes.map((c) =>
          c.kind === "put" ? `${c.entry.modRevision} ${c.entry.key}` : `${c.revision} ${c.key}`,
        );
        expect(new Set(marks).size).toBe(marks.length);
        const revisions = marks.map((mark) => Number.parseInt(mark, 10));
        expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
        expect(seen.folded).toEqual(render((await other.list(prefix)).entries));
        expect(seen.resets).toEqual([]);
      });
    });

    describe("TTL", () => {
      test("a key disappears by itself, as a delete with a revision of its own", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const watch = other.watch(prefix, list.revision + 1, seen);
        const revision = await write(store, [put(`${prefix}a`, "1", 1), put(`${prefix}b`, "1")]);
        await until("the delete", () => seen.changes.some(({ kind }) => kind === "delete"));
        await watch.close();
        const deleted = seen.changes.find((change) => change.kind === "delete");
        expect(deleted).toMatchObject({ key: `${prefix}a` });
        expect(deleted?.kind === "delete" && deleted.revision > revision).toBe(true);
        expect(await store.get(`${prefix}a`)).toBeNull();
        expect(seen.folded).toEqual(render((await store.list(prefix)).entries));
      });

      test("a later put without TTL makes the key stay", async () => {
        const prefix = freshPrefix();
        const list = await store.list(prefix);
        const seen = new WatchRecorder(list);
        const watch = store.watch(prefix, list.revision + 1, seen);
        await write(store, [put(`${prefix}stays`, "1", 1)]);
        await write(store, [put(`${prefix}stays`, "2")]);
        await write(store, [put(`${prefix}clock`, "1", 1)]);
        await until("the other key is gone", () =>
          seen.changes.some((c) => c.kind === "delete" && c.key === `${prefix}clock`),
        );
        await watch.close();
        expect((await other.get(`${prefix}stays`))?.value).toBe("2");
      });
    });

    describe("close", () => {
      test("may be called twice, silences watches, and refuses later calls", async () => {
        const prefix = freshPrefix();
        const handle = harness.connect();
        const list = await handle.list(prefix);
        const [seen, late, open] = [
          new WatchRecorder(list),
          new WatchRecorder(list),
          new WatchRecorder(list),
        ];
        handle.watch(prefix, list.revision + 1, seen);
        await until("it is connected", () => seen.isConnected);
        await handle.close();
        await handle.close();
        const after = handle.watch(prefix, list.revision + 1, late);
        const witness = other.watch(prefix, list.revision + 1, open);
        await write(store, [put(`${prefix}a`, "1")]);
        await until("the witness has it", () => open.changes.length > 0);
        expect([...seen.changes, ...late.changes, ...late.states]).toEqual([]);
        expect(await codeOf(handle.get(`${prefix}a`))).toBe("STORE_CLOSED");
        expect(await codeOf(handle.list(prefix))).toBe("STORE_CLOSED");
        const operations = [put(`${prefix}a`, "2")];
        expect(await codeOf(handle.transact({ comparisons: [], operations }))).toBe("STORE_CLOSED");
        await after.close();
        await witness.close();
      });
    });
  });
}
