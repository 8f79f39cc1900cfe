import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGatewayError } from "@catena/errors";
import { startEtcd } from "@catena/testkit";
import { storeErrors } from "../errors.ts";
import { openStore } from "../open-store.ts";
import type { ConfigStore, StoreEntry, StoreList, Transaction } from "../store.ts";
import { until } from "../watch-recorder.ts";
import { commitKey, pageKey, type StagedItem, stagedFolder, writePages } from "./staged-format.ts";
import { readStaged, StagedWatch } from "./staged-view.ts";
import { finishStaged, transactStaged } from "./transact-staged.ts";

const kinds = [
  {
    name: "SQLite",
    start: async () => {
      const folder = mkdtempSync(join(tmpdir(), "catena-staged-"));
      return {
        url: `sqlite:${join(folder, "store.db")}`,
        stop: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
  { name: "etcd", start: () => startEtcd() },
];

/** What a gateway would serve under a prefix, followed by watching. */
class Follower {
  readonly seen = new Map<string, StoreEntry>();
  readonly unreadable: string[] = [];
  onStep: () => void = () => undefined;
  readonly #staged: StagedWatch;
  #close: () => Promise<void> = async () => undefined;
  #revision = 0;

  constructor(prefix: string) {
    this.#staged = new StagedWatch(prefix, (id) => this.unreadable.push(id));
  }

  static async start(store: ConfigStore, prefix: string): Promise<Follower> {
    const follower = new Follower(prefix);
    const list = await store.list(prefix);
    follower.#take(list);
    const watch = store.watch(prefix, list.revision + 1, {
      onChanges: (changes, revision) => {
        const effective = follower.#staged.apply(
          changes,
          (key) => follower.seen.get(key)?.modRevision,
        );
        for (const change of effective) {
          if (change.kind === "put") follower.seen.set(change.entry.key, change.entry);
          else follower.seen.delete(change.key);
        }
        follower.#revision = revision;
        follower.onStep();
      },
      onReset: (list) => follower.#take(list),
      onState: () => undefined,
    });
    follower.#close = () => watch.close();
    return follower;
  }

  get values(): Readonly<Record<string, string>> {
    return toValues([...this.seen.values()]);
  }

  reached(revision: number): Promise<void> {
    return until(`revision ${revision}`, () => this.#revision >= revision);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #take(list: StoreList): void {
    this.seen.clear();
    for (const entry of this.#staged.reset(list).entries) this.seen.set(entry.key, entry);
    this.#revision = list.revision;
    this.onStep();
  }
}

function toValues(entries: readonly StoreEntry[]): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}

/** A store whose n-th transaction gets no answer: it was not made, or it was and the answer is lost. */
function failingAt(store: ConfigStore, n: number, isMade: boolean): ConfigStore {
  let count = 0;
  let isDown = false;
  const refuse = () => storeErrors.STORE_UNAVAILABLE({ url: store.url, reason: "planted" });
  return {
    url: store.url,
    get: (key) => (isDown ? Promise.reject(refuse()) : store.get(key)),
    list: (prefix) => (isDown ? Promise.reject(refuse()) : store.list(prefix)),
    watch: (prefix, from, handler) => store.watch(prefix, from, handler),
    close: () => store.close(),
    transact: async (transaction: Transaction) => {
      if (isDown) throw refuse();
      if (count++ !== n) return store.transact(transaction);
      isDown = true;
      if (isMade) await store.transact(transaction);
      throw refuse();
    },
  };
}

describe.each(kinds)("staged writes on $name", ({ start }) => {
  let bed: { readonly url: string; stop(): Promise<void> };
  let store: ConfigStore;
  let serial = 0;

  beforeAll(async () => {
    bed = await start();
    store = openStore(bed.url);
  });
  afterAll(async () => {
    await store.close();
    await bed.stop();
  });

  const freshPrefix = () => `/s${++serial}/`;
  const put = async (key: string, value: string): Promise<number> => {
    const result = await store.transact({
      comparisons: [],
      operations: [{ kind: "put", key, value }],
    });
    if (!result.committed) throw new Error("a write without comparisons was refused");
    return result.revision;
  };
  const served = async (prefix: string) =>
    toValues(readStaged(await store.list(prefix), prefix).entries);
  const leftovers = async (prefix: string) =>
    (await store.list(stagedFolder(prefix))).entries
      .map(({ key }) => key)
      .filter((key) => !key.endsWith("/last"));

  /** Two keys to update, one to delete, many to create, in a prefix of their own. */
  async function prepare(creates: number, size = 10) {
    const prefix = freshPrefix();
    const bases = {
      a: await put(`${prefix}routes/a`, "old"),
      b: await put(`${prefix}routes/b`, "old"),
      gone: await put(`${prefix}routes/gone`, "old"),
    };
    await put(`${prefix}routes/kept`, "kept");
    const items: StagedItem[] = [
      { key: `${prefix}routes/a`, base: bases.a, value: "new" },
      { key: `${prefix}routes/b`, base: bases.b, value: "new" },
      { key: `${prefix}routes/gone`, base: bases.gone, value: null },
      { key: `/outside${prefix}record`, base: 0, value: "record" },
    ];
    for (let i = 0; i < creates; i++) {
      items.push({ key: `${prefix}routes/n${i}`, base: 0, value: `"${i}${"x".repeat(size)}"` });
    }
    const before = await served(prefix);
    const after = Object.fromEntries(
      [
        [`${prefix}routes/kept`, "kept"] as const,
        ...items.flatMap(({ key, value }) =>
          value === null || !key.startsWith(prefix) ? [] : [[key, value] as const],
        ),
      ].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    return { prefix, items, before, after };
  }

  test("become visible to a watcher in one step, and end at their keys", async () => {
    const { prefix, items, before, after } = await prepare(700, 1_500);
    expect(writePages(items).length).toBeGreaterThan(1);
    const follower = await Follower.start(store, prefix);
    const steps: string[] = [];
    follower.onStep = () => steps.push(Bun.deepEquals(follower.values, after) ? "new" : "old");
    expect(follower.values).toEqual(before);
    const result = await transactStaged(store, prefix, items);
    expect(result).toMatchObject({ committed: true, lost: [], unfinished: null });
    await follower.reached((await store.list(prefix)).revision);
    // A watcher may be told of all pages at once: then there is no step before it.
    expect(steps).toContain("new");
    expect(steps.slice(steps.indexOf("new"))).not.toContain("old");
    expect(follower.values).toEqual(after);
    expect(await leftovers(prefix)).toEqual([]);
    expect((await store.get(`/outside${prefix}record`))?.value).toBe("record");
    expect(toValues((await store.list(`${prefix}routes/`)).entries)).toEqual(after);
    await follower.close();
  }, 60_000);

  test("change nothing when a key was changed since they were planned", async () => {
    const { prefix, items, before } = await prepare(3);
    await put(`${prefix}routes/b`, "theirs");
    const result = await transactStaged(store, prefix, items);
    expect(result).toEqual({ committed: false, conflicts: [`${prefix}routes/b`] });
    expect(await served(prefix)).toEqual({ ...before, [`${prefix}routes/b`]: "theirs" });
    expect(await leftovers(prefix)).toEqual([]);
  });

  test.each([false, true])(
    "are visible as a whole or not at all wherever the store goes away (answer lost: %p)",
    async (isMade) => {
      for (let n = 0; ; n++) {
        const { prefix, items, before, after } = await prepare(130);
        const result = await transactStaged(failingAt(store, n, isMade), prefix, items).catch(
          (error: unknown) => (isGatewayError(error, "STORE_UNAVAILABLE") ? null : error),
        );
        const seen = await served(prefix);
        expect([before, after]).toContainEqual(seen);
        if (result === null) {
          // Only a commit whose answer was lost is visible although it is said to have failed.
          if (!isMade) expect(seen).toEqual(before);
        } else {
          expect(result).toMatchObject({ committed: true, lost: [] });
          expect(seen).toEqual(after);
        }
        expect(await finishStaged(store, prefix)).toEqual([]);
        expect(await served(prefix)).toEqual(seen);
        expect(toValues((await store.list(`${prefix}routes/`)).entries)).toEqual(seen);
        if (result === null || !("unfinished" in Object(result))) continue;
        expect(await leftovers(prefix)).toEqual([]);
        if (Object(result).unfinished === null) break;
      }
    },
    60_000,
  );

  test("give way to who writes one of their keys after the commit", async () => {
    const { prefix, items, after } = await prepare(3);
    // Page and commit are there; the process ended before anything was moved.
    await transactStaged(failingAt(store, 2, false), prefix, items);
    expect(await served(prefix)).toEqual(after);
    const follower = await Follower.start(store, prefix);
    expect(follower.values).toEqual(after);
    await put(`${prefix}routes/a`, "theirs");
    await put(`${prefix}routes/gone`, "theirs");
    const wanted = {
      ...after,
      [`${prefix}routes/a`]: "theirs",
      [`${prefix}routes/gone`]: "theirs",
    };
    expect(await served(prefix)).toEqual(wanted);
    expect((await finishStaged(store, prefix)).toSorted()).toEqual([
      `${prefix}routes/a`,
      `${prefix}routes/gone`,
    ]);
    await follower.reached((await store.list(prefix)).revision);
    expect(follower.values).toEqual(wanted);
    expect(await leftovers(prefix)).toEqual([]);
    await follower.close();
  });

  test("a second one is checked against the first one's outcome", async () => {
    const { prefix, items, after } = await prepare(3);
    await transactStaged(failingAt(store, 2, false), prefix, items);
    const second = await transactStaged(store, prefix, items);
    expect(second.committed).toBe(false);
    expect(await served(prefix)).toEqual(after);
  });

  test("pages that were never committed are removed when they are an hour old", async () => {
    const prefix = freshPrefix();
    const old = Bun.randomUUIDv7("hex", Date.now() - 2 * 3_600_000);
    const recent = Bun.randomUUIDv7();
    for (const id of [old, recent]) await put(pageKey(prefix, id, 0), "{}");
    await finishStaged(store, prefix);
    expect(await leftovers(prefix)).toEqual([pageKey(prefix, recent, 0)]);
    expect(await served(prefix)).toEqual({});
  });

  test("a commit that cannot be read changes nothing, stays, and is told of", async () => {
    const prefix = freshPrefix();
    const follower = await Follower.start(store, prefix);
    const id = Bun.randomUUIDv7();
    const revision = await put(commitKey(prefix, id), '{"v":2}');
    await follower.reached(revision);
    expect(follower.unreadable).toEqual([id]);
    await finishStaged(store, prefix);
    expect(await leftovers(prefix)).toEqual([commitKey(prefix, id)]);
    await follower.close();
  });
});
