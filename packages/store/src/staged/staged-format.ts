import type { StoreEntry } from "../store.ts";

/**
 * One key of a staged write. It counts only while the key's revision is `base` (0: while there is no
 * such key), so whoever changes the key later wins, and a key that was moved is not written twice.
 */
export interface StagedItem {
  readonly key: string;
  readonly base: number;
  /** `null` deletes. */
  readonly value: string | null;
}

/** A committed staged write, read back. */
export interface StagedSet {
  readonly id: string;
  /** Revision of the commit, at which all of it became visible. */
  readonly revision: number;
  readonly items: readonly StagedItem[];
}

/** `PREFIX/catena_staged/ID/page/0000`, `PREFIX/catena_staged/ID/commit`, or `…/last`. */
export type StagedKey =
  | { readonly type: "page"; readonly id: string; readonly page: number }
  | { readonly type: "commit"; readonly id: string }
  | { readonly type: "last" };

/** The folder under the watched prefix; APISIX ignores folders that it does not know. */
const folder = "catena_staged/";

/** @param prefix with a slash at its end: `/apisix/` */
export function stagedFolder(prefix: string): string {
  return prefix + folder;
}

export function pageKey(prefix: string, id: string, page: number): string {
  return `${stagedFolder(prefix)}${id}/page/${String(page).padStart(4, "0")}`;
}

export function commitKey(prefix: string, id: string): string {
  return `${stagedFolder(prefix)}${id}/commit`;
}

/** Changes with every commit; comparing on it puts commits in a row. */
export function lastKey(prefix: string): string {
  return `${stagedFolder(prefix)}last`;
}

/** @returns `null` for a key that has no part in staged writes. */
export function parseStagedKey(key: string, prefix: string): StagedKey | null {
  if (!key.startsWith(stagedFolder(prefix))) return null;
  const [id = "", part, page] = key.slice(stagedFolder(prefix).length).split("/");
  if (part === "commit") return { type: "commit", id };
  return part === "page" ? { type: "page", id, page: Number(page) } : { type: "last" };
}

/** Largest page in characters; quotes are escaped once more, and etcd takes 1.5 MiB. */
const pageSize = 400_000;

/** Distributes items over pages, in order. */
export function writePages(items: readonly StagedItem[]): readonly string[] {
  const pages: string[] = [];
  let page: string[] = [];
  let size = 0;
  for (const { key, base, value } of items) {
    const text = JSON.stringify([key, base, value]);
    if (page.length > 0 && size + text.length > pageSize) {
      pages.push(toPage(page));
      page = [];
      size = 0;
    }
    page.push(text);
    size += text.length;
  }
  return page.length === 0 ? pages : [...pages, toPage(page)];
}

function toPage(items: readonly string[]): string {
  return `{"v":1,"items":[${items.join(",")}]}`;
}

export function writeCommit(pages: number): string {
  return JSON.stringify({ v: 1, pages });
}

/**
 * Puts a commit and its pages together.
 *
 * @returns `null` when a page is missing, or anything is not of this version.
 */
export function readStagedSet(
  id: string,
  commit: StoreEntry,
  pages: ReadonlyMap<number, string>,
): StagedSet | null {
  const count = readCount(commit.value);
  if (count === null) return null;
  const items: StagedItem[] = [];
  for (let page = 0; page < count; page++) {
    const found = readPage(pages.get(page));
    if (found === null) return null;
    items.push(...found);
  }
  return { id, revision: commit.modRevision, items };
}

function readCount(text: string): number | null {
  const commit = readVersioned(text);
  const pages = commit?.["pages"];
  return typeof pages === "number" ? pages : null;
}

function readPage(text: string | undefined): readonly StagedItem[] | null {
  const items = text === undefined ? null : readVersioned(text)?.["items"];
  if (!Array.isArray(items)) return null;
  const read: StagedItem[] = [];
  for (const item of items) {
    if (!Array.isArray(item)) return null;
    const [key, base, value]: readonly unknown[] = item;
    if (typeof key !== "string" || typeof base !== "number") return null;
    if (typeof value !== "string" && value !== null) return null;
    read.push({ key, base, value });
  }
  return read;
}

function readVersioned(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("v" in value) || value.v !== 1)
      return null;
    return Object.fromEntries(Object.entries(value));
  } catch {
    return null;
  }
}
