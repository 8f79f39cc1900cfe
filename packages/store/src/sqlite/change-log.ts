import type { Database } from "bun:sqlite";
import { prefixEnd } from "../key-range.ts";
import type { Change, StoreEntry, StoreList } from "../store.ts";

/** How much of the past is kept for watchers that were away. */
export interface LogLimits {
  readonly maxChanges: number;
  readonly maxBytes: number;
}

export interface StoreStatus {
  readonly revision: number;
  /** Changes up to and including this revision are no longer in the log. */
  readonly compactedRevision: number;
  readonly logChanges: number;
  readonly logBytes: number;
}

export interface EntryRow {
  readonly key: string;
  readonly value: string;
  readonly create_revision: number;
  readonly mod_revision: number;
}

interface ChangeRow {
  readonly revision: number;
  readonly key: string;
  readonly value: string | null;
  readonly create_revision: number;
}

interface StatusRow {
  readonly revision: number;
  readonly compacted_revision: number;
  readonly log_changes: number;
  readonly log_bytes: number;
}

const statusSql = "SELECT revision, compacted_revision, log_changes, log_bytes FROM store";
const appendSql = `INSERT INTO changes (revision, key, value, create_revision, size_bytes)
  VALUES (?, ?, ?, ?, ?)`;
const inRange = "key >= ?1 AND (?2 IS NULL OR key < ?2)";
const listSql = `SELECT key, value, create_revision, mod_revision FROM entries
  WHERE ${inRange} AND (expires_at_ms IS NULL OR expires_at_ms > ?3) ORDER BY key`;
const changesSql = `SELECT revision, key, value, create_revision FROM changes
  WHERE ${inRange} AND revision > ?3 ORDER BY id`;
const oldestSql = "SELECT revision, size_bytes FROM changes WHERE revision < ? ORDER BY id";

export function readStatus(database: Database): StoreStatus {
  const row = database.query<StatusRow, []>(statusSql).get();
  if (row === null) throw new Error("the sentinel row is gone");
  return {
    revision: row.revision,
    compactedRevision: row.compacted_revision,
    logChanges: row.log_changes,
    logBytes: row.log_bytes,
  };
}

/** Lists the entries under a prefix; call it inside a transaction to have one consistent state. */
export function readList(database: Database, prefix: string, nowMs: number): StoreList {
  const { revision } = readStatus(database);
  const rows = database
    .query<EntryRow, [string, string | null, number]>(listSql)
    .all(prefix, prefixEnd(prefix), nowMs);
  return { entries: rows.map(toEntry), revision };
}

/** Reads every change under a prefix after a revision, in the order they were made. */
export function readChanges(database: Database, prefix: string, afterRevision: number): Change[] {
  return database
    .query<ChangeRow, [string, string | null, number]>(changesSql)
    .all(prefix, prefixEnd(prefix), afterRevision)
    .map(toChange);
}

/** @returns the size the log grew by */
export function appendChange(database: Database, row: ChangeRow): number {
  const sizeBytes = Buffer.byteLength(row.key) + Buffer.byteLength(row.value ?? "");
  database.query(appendSql).run(row.revision, row.key, row.value, row.create_revision, sizeBytes);
  return sizeBytes;
}

/**
 * Drops the oldest revisions once the log is over a limit, down to nine tenths of it so that not
 * every write has to. The newest revision always stays.
 */
export function compactLog(database: Database, limits: LogLimits): void {
  const status = readStatus(database);
  let changes = status.logChanges;
  let bytes = status.logBytes;
  if (changes <= limits.maxChanges && bytes <= limits.maxBytes) return;
  let cutoff = status.compactedRevision;
  const rows = database
    .query<{ revision: number; size_bytes: number }, [number]>(oldestSql)
    .iterate(status.revision);
  for (const row of rows) {
    const isEnough = changes <= limits.maxChanges * 0.9 && bytes <= limits.maxBytes * 0.9;
    if (isEnough && row.revision !== cutoff) break;
    cutoff = row.revision;
    changes -= 1;
    bytes -= row.size_bytes;
  }
  database.query("DELETE FROM changes WHERE revision <= ?").run(cutoff);
  database
    .query("UPDATE store SET compacted_revision = ?, log_changes = ?, log_bytes = ?")
    .run(cutoff, changes, bytes);
}

export function toEntry(row: EntryRow): StoreEntry {
  return {
    key: row.key,
    value: row.value,
    createRevision: row.create_revision,
    modRevision: row.mod_revision,
  };
}

function toChange(row: ChangeRow): Change {
  const { key, value, revision } = row;
  if (value === null) return { kind: "delete", key, revision };
  const entry = { key, value, createRevision: row.create_revision, modRevision: revision };
  return { kind: "put", entry };
}
