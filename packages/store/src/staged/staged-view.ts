import type { Change, StoreEntry, StoreList } from "../store.ts";
import { parseStagedKey, readStagedSet, type StagedSet } from "./staged-format.ts";

/** A list as it is to be understood, and what was left out of it. */
export interface StagedList extends StoreList {
  /** Committed writes whose items may not all be at their keys yet, oldest first. */
  readonly pending: readonly StagedSet[];
  /** Keys that belong to staged writes. */
  readonly internal: readonly StoreEntry[];
  /** Ids of commits that cannot be read: a newer version's, or damaged. */
  readonly unreadable: readonly string[];
}

/**
 * Reads a list of the whole prefix as if every committed staged write were at its keys already. Each
 * of its items counts as long as its key is at the revision it was planned against.
 *
 * @param prefix with a slash at its end, as the list was made with
 */
export function readStaged(list: StoreList, prefix: string): StagedList {
  const internal: StoreEntry[] = [];
  const pages = new Map<string, Map<number, string>>();
  const commits: { readonly id: string; readonly entry: StoreEntry }[] = [];
  for (const entry of list.entries) {
    const key = parseStagedKey(entry.key, prefix);
    if (key === null) continue;
    internal.push(entry);
    if (key.type === "page") keepPage(pages, key.id, key.page, entry.value);
    else if (key.type === "commit") commits.push({ id: key.id, entry });
  }
  if (internal.length === 0) return { ...list, pending: [], internal, unreadable: [] };
  const pending: StagedSet[] = [];
  const unreadable: string[] = [];
  for (const { id, entry } of commits) {
    const set = readStagedSet(id, entry, pages.get(id) ?? new Map());
    if (set === null) unreadable.push(id);
    else pending.push(set);
  }
  pending.sort((a, b) => a.revision - b.revision);
  return {
    entries: overlay(list.entries, internal, pending, prefix),
    revision: list.revision,
    pending,
    internal,
    unreadable,
  };
}

function overlay(
  entries: readonly StoreEntry[],
  internal: readonly StoreEntry[],
  pending: readonly StagedSet[],
  prefix: string,
): readonly StoreEntry[] {
  const real = new Map(entries.map((entry) => [entry.key, entry]));
  for (const { key } of internal) real.delete(key);
  const seen = new Map(real);
  for (const set of pending) {
    for (const item of set.items) {
      const before = real.get(item.key);
      if (!item.key.startsWith(prefix) || (before?.modRevision ?? 0) !== item.base) continue;
      if (item.value === null) seen.delete(item.key);
      else seen.set(item.key, toEntry(item.key, item.value, before, set.revision));
    }
  }
  return [...seen.values()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

function toEntry(
  key: string,
  value: string,
  before: Pick<StoreEntry, "createRevision"> | undefined,
  revision: number,
): StoreEntry {
  return { key, value, createRevision: before?.createRevision ?? revision, modRevision: revision };
}

/**
 * Turns what a watch of the whole prefix delivers into what it means: the pages of a staged write are
 * kept aside, and its commit becomes the changes of all its items in one batch.
 */
export class StagedWatch {
  readonly #prefix: string;
  readonly #onUnreadable: (id: string) => void;
  readonly #pages = new Map<string, Map<number, string>>();

  /**
   * @param prefix with a slash at its end
   * @param onUnreadable told of commits that cannot be read and therefore change nothing
   */
  constructor(prefix: string, onUnreadable: (id: string) => void) {
    this.#prefix = prefix;
    this.#onUnreadable = onUnreadable;
  }

  /** Starts over from a full list. */
  reset(list: StoreList): StoreList {
    this.#pages.clear();
    const read = readStaged(list, this.#prefix);
    const committed = new Set([...read.pending.map(({ id }) => id), ...read.unreadable]);
    for (const { key, value } of read.internal) {
      const parsed = parseStagedKey(key, this.#prefix);
      if (parsed?.type === "page" && !committed.has(parsed.id)) {
        keepPage(this.#pages, parsed.id, parsed.page, value);
      }
    }
    for (const id of read.unreadable) this.#onUnreadable(id);
    return read;
  }

  /**
   * @param modRevision the revision a key is applied at; `undefined` when it is not applied
   * @returns the changes to apply in one step; usually the same ones
   */
  apply(
    changes: readonly Change[],
    modRevision: (key: string) => number | undefined,
  ): readonly Change[] {
    const plain: Change[] = [];
    const commits: { readonly id: string; readonly entry: StoreEntry }[] = [];
    for (const change of changes) {
      const key = change.kind === "put" ? change.entry.key : change.key;
      const parsed = parseStagedKey(key, this.#prefix);
      if (parsed === null) plain.push(change);
      else if (change.kind === "delete") {
        if (parsed.type === "page") this.#pages.delete(parsed.id);
      } else if (parsed.type === "page") {
        keepPage(this.#pages, parsed.id, parsed.page, change.entry.value);
      } else if (parsed.type === "commit") commits.push({ id: parsed.id, entry: change.entry });
    }
    if (commits.length === 0) return plain.length === changes.length ? changes : plain;
    return [...plain, ...this.#expand(commits, plain, modRevision)];
  }

  #expand(
    commits: readonly { readonly id: string; readonly entry: StoreEntry }[],
    plain: readonly Change[],
    modRevision: (key: string) => number | undefined,
  ): readonly Change[] {
    // What the batch brings by itself is newer than the commit: it was moved, or somebody wrote over it.
    const newer = new Map(
      plain.map((change) =>
        change.kind === "put" ? [change.entry.key, change.entry.modRevision] : [change.key, 0],
      ),
    );
    const expanded: Change[] = [];
    for (const { id, entry } of commits) {
      const set = readStagedSet(id, entry, this.#pages.get(id) ?? new Map());
      this.#pages.delete(id);
      if (set === null) {
        this.#onUnreadable(id);
        continue;
      }
      for (const { key, base, value } of set.items) {
        const present = newer.get(key) ?? modRevision(key) ?? 0;
        if (!key.startsWith(this.#prefix) || present !== base) continue;
        expanded.push(
          value === null
            ? { kind: "delete", key, revision: set.revision }
            : { kind: "put", entry: toEntry(key, value, toBefore(base), set.revision) },
        );
      }
    }
    return expanded;
  }
}

function keepPage(
  pages: Map<string, Map<number, string>>,
  id: string,
  page: number,
  value: string,
): void {
  const own = pages.get(id) ?? new Map<number, string>();
  pages.set(id, own);
  own.set(page, value);
}

/** All that is known of the past of a key that changed; its own put, which follows, tells it exactly. */
function toBefore(base: number): Pick<StoreEntry, "createRevision"> | undefined {
  return base === 0 ? undefined : { createRevision: base };
}
