import { type GatewayError, isGatewayError } from "@catena/errors";
import type { ConfigStore, Operation, StoreEntry } from "../store.ts";
import {
  commitKey,
  lastKey,
  pageKey,
  parseStagedKey,
  type StagedItem,
  writeCommit,
  writePages,
} from "./staged-format.ts";
import { readStaged } from "./staged-view.ts";

export type StagedResult =
  | {
      readonly committed: true;
      /** At which all of it became visible to gateways. */
      readonly revision: number;
      /** Keys that somebody else changed at the same moment, and that are as they left them. */
      readonly lost: readonly string[];
      /**
       * Why the items are not all at their keys yet, which {@link finishStaged} does another time;
       * `null` when they are.
       */
      readonly unfinished: GatewayError | null;
    }
  | { readonly committed: false; readonly conflicts: readonly string[] };

/** etcd takes 128 operations, 1.5 MiB. */
const moveItems = 120;
const moveBytes = 1_000_000;

/** Pages without a commit that are older, in milliseconds, were left by a process that died. */
const abandonedMs = 3_600_000;

/**
 * Writes more than fits into one transaction of the store, visible to gateways all at once: the items
 * are put aside in pages, one small transaction commits them, and then each is moved to its key. A
 * process that dies before the commit has changed nothing; after it, {@link finishStaged} completes
 * the move, and gateways serve the items meanwhile. Others who read the keys themselves, such as
 * APISIX, see them move one transaction after the other.
 *
 * @param prefix with a slash at its end: what gateways watch. Keys elsewhere are moved all the same.
 * @throws STORE_UNAVAILABLE: nothing is visible, unless it was the commit that got no answer, which then
 *   may have come about as any other transaction may
 */
export async function transactStaged(
  store: ConfigStore,
  prefix: string,
  items: readonly StagedItem[],
): Promise<StagedResult> {
  const id = Bun.randomUUIDv7();
  const pages = writePages(items);
  try {
    for (const [page, value] of pages.entries()) {
      const operation: Operation = { kind: "put", key: pageKey(prefix, id, page), value };
      await store.transact({ comparisons: [], operations: [operation] });
    }
  } catch (error) {
    // They mean nothing; what cannot be dropped now is dropped by a later finishStaged.
    await dropPages(store, prefix, id, pages.length).catch(() => undefined);
    throw error;
  }
  // No clearing up when this throws: the pages may be those of a commit that came about.
  const committed = await commit(store, prefix, id, pages.length, items);
  if (!committed.committed) {
    await dropPages(store, prefix, id, pages.length);
    return committed;
  }
  const { revision } = committed;
  try {
    const lost = await move(store, items);
    await dropSet(store, prefix, id, pages.length);
    return { committed: true, revision, lost, unfinished: null };
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return { committed: true, revision, lost: [], unfinished: error };
  }
}

/**
 * Completes staged writes that were committed by a process that did not get to the end, and removes
 * the pages of those that were never committed.
 *
 * @returns keys that somebody else has changed since, and that are as they left them.
 * @throws STORE_UNAVAILABLE
 */
export async function finishStaged(store: ConfigStore, prefix: string): Promise<readonly string[]> {
  const read = readStaged(await store.list(prefix), prefix);
  const lost: string[] = [];
  for (const set of read.pending) {
    lost.push(...(await move(store, set.items)));
    await dropSet(store, prefix, set.id, countPages(read.internal, set.id, prefix));
  }
  const kept = new Set([...read.pending.map(({ id }) => id), ...read.unreadable]);
  const abandoned = new Set<string>();
  for (const { key } of read.internal) {
    const parsed = parseStagedKey(key, prefix);
    if (parsed?.type !== "page" || kept.has(parsed.id)) continue;
    if (ageMs(parsed.id) > abandonedMs) abandoned.add(parsed.id);
  }
  for (const id of abandoned) {
    await dropPages(store, prefix, id, countPages(read.internal, id, prefix));
  }
  return lost;
}

/** Checks every item against the store and commits; another commit in between is another check. */
async function commit(
  store: ConfigStore,
  prefix: string,
  id: string,
  pages: number,
  items: readonly StagedItem[],
): Promise<{ committed: true; revision: number } | { committed: false; conflicts: string[] }> {
  for (;;) {
    const list = await store.list(prefix);
    const own = list.entries.find(({ key }) => key === commitKey(prefix, id));
    // An attempt whose answer was lost on the way may have come about.
    if (own !== undefined) return { committed: true, revision: own.modRevision };
    const last = list.entries.find(({ key }) => key === lastKey(prefix));
    const revisions = new Map(
      readStaged(list, prefix).entries.map((entry) => [entry.key, entry.modRevision]),
    );
    const conflicts: string[] = [];
    for (const { key, base } of items) {
      const present = key.startsWith(prefix)
        ? revisions.get(key)
        : (await store.get(key))?.modRevision;
      if ((present ?? 0) !== base) conflicts.push(key);
    }
    if (conflicts.length > 0) return { committed: false, conflicts };
    const result = await store.transact({
      comparisons: [
        { key: lastKey(prefix), modRevision: last?.modRevision ?? 0 },
        { key: commitKey(prefix, id), modRevision: 0 },
      ],
      operations: [
        { kind: "put", key: commitKey(prefix, id), value: writeCommit(pages) },
        { kind: "put", key: lastKey(prefix), value: id },
      ],
    });
    if (result.committed) return { committed: true, revision: result.revision };
  }
}

/** @returns keys that were changed by somebody else. */
async function move(store: ConfigStore, items: readonly StagedItem[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const batch of toBatches(items)) lost.push(...(await moveBatch(store, batch)));
  return lost;
}

async function moveBatch(
  store: ConfigStore,
  batch: readonly StagedItem[],
): Promise<readonly string[]> {
  const lost: string[] = [];
  let left = batch;
  while (left.length > 0) {
    const result = await store.transact({
      comparisons: left.map(({ key, base }) => ({ key, modRevision: base })),
      operations: left.map(({ key, value }) =>
        value === null ? { kind: "delete", key } : { kind: "put", key, value },
      ),
    });
    if (result.committed) return lost;
    const conflicts = new Set(result.conflicts);
    for (const { key, value } of left) {
      if (!conflicts.has(key)) continue;
      const present = await store.get(key);
      // Somebody who finished this write as well has written the same.
      if ((present?.value ?? null) !== value) lost.push(key);
    }
    left = left.filter(({ key }) => !conflicts.has(key));
  }
  return lost;
}

function toBatches(items: readonly StagedItem[]): readonly (readonly StagedItem[])[] {
  const batches: StagedItem[][] = [];
  let batch: StagedItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(item.key) * 3 + Buffer.byteLength(item.value ?? "") + 100;
    if (batch.length === moveItems || (batch.length > 0 && bytes + size > moveBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  return batch.length === 0 ? batches : [...batches, batch];
}

/** The commit with the first pages: pages without one mean nothing. */
async function dropSet(
  store: ConfigStore,
  prefix: string,
  id: string,
  pages: number,
): Promise<void> {
  await dropKeys(store, [commitKey(prefix, id), ...pageKeys(prefix, id, pages)]);
}

async function dropPages(
  store: ConfigStore,
  prefix: string,
  id: string,
  pages: number,
): Promise<void> {
  await dropKeys(store, pageKeys(prefix, id, pages));
}

function pageKeys(prefix: string, id: string, pages: number): readonly string[] {
  return Array.from({ length: pages }, (_, page) => pageKey(prefix, id, page));
}

async function dropKeys(store: ConfigStore, keys: readonly string[]): Promise<void> {
  for (let i = 0; i < keys.length; i += moveItems) {
    const operations = keys
      .slice(i, i + moveItems)
      .map((key): Operation => ({ kind: "delete", key }));
    await store.transact({ comparisons: [], operations });
  }
}

function countPages(internal: readonly StoreEntry[], id: string, prefix: string): number {
  return internal.reduce((count, { key }) => {
    const parsed = parseStagedKey(key, prefix);
    return parsed?.type === "page" && parsed.id === id ? Math.max(count, parsed.page + 1) : count;
  }, 0);
}

/** The first 48 bits of a UUIDv7 are its time in milliseconds (RFC 9562 §5.7). */
function ageMs(id: string): number {
  const madeAt = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return Number.isNaN(madeAt) ? Number.POSITIVE_INFINITY : Date.now() - madeAt;
}
