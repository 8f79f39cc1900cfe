import type { Database } from "bun:sqlite";
import type { Operation, Transaction, TransactionResult } from "../store.ts";
import { appendChange, compactLog, type LogLimits, readStatus } from "./change-log.ts";

/**
 * Applies a transaction, after deleting what has outlived its TTL. The caller holds SQLite's write
 * lock and commits or rolls back.
 */
export function applyTransaction(
  database: Database,
  transaction: Transaction,
  nowMs: number,
  limits: LogLimits,
): TransactionResult {
  expireDue(database, nowMs, limits);
  const conflicts = transaction.comparisons
    .filter(({ key, modRevision }) => readRevisions(database, key).modified !== modRevision)
    .map(({ key }) => key);
  if (conflicts.length > 0) return { committed: false, conflicts: [...new Set(conflicts)] };
  const revision = applyOperations(database, transaction.operations, nowMs, limits);
  return { committed: true, revision };
}

/**
 * Turns every key whose time has come into a delete, all with one revision of their own.
 *
 * @returns whether there were any
 */
export function expireDue(database: Database, nowMs: number, limits: LogLimits): boolean {
  const due = database
    .query<{ key: string }, [number]>(
      "SELECT key FROM entries WHERE expires_at_ms <= ? ORDER BY expires_at_ms, key",
    )
    .all(nowMs);
  if (due.length === 0) return false;
  const operations = due.map(({ key }): Operation => ({ kind: "delete", key }));
  applyOperations(database, operations, nowMs, limits);
  return true;
}

/** @returns when the next key is due, in Unix milliseconds; `null` when none has a TTL */
export function readNextExpiry(database: Database): number | null {
  const row = database
    .query<{ next: number | null }, []>(
      "SELECT min(expires_at_ms) AS next FROM entries WHERE expires_at_ms IS NOT NULL",
    )
    .get();
  return row?.next ?? null;
}

function applyOperations(
  database: Database,
  operations: readonly Operation[],
  nowMs: number,
  limits: LogLimits,
): number {
  const status = readStatus(database);
  const revision = status.revision + 1;
  let changes = 0;
  let bytes = 0;
  for (const operation of operations) {
    const { key } = operation;
    const { created } = readRevisions(database, key);
    if (operation.kind === "put") {
      const create_revision = created === 0 ? revision : created;
      const { value, ttlSeconds } = operation;
      const expiresAtMs = ttlSeconds === undefined ? null : nowMs + ttlSeconds * 1_000;
      database
        .query("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)")
        .run(key, value, create_revision, revision, expiresAtMs);
      bytes += appendChange(database, { revision, key, value, create_revision });
    } else if (created !== 0) {
      database.query("DELETE FROM entries WHERE key = ?").run(key);
      bytes += appendChange(database, { revision, key, value: null, create_revision: created });
    } else {
      continue;
    }
    changes += 1;
  }
  if (changes === 0) return status.revision;
  database
    .query("UPDATE store SET revision = ?, log_changes = ?, log_bytes = ?")
    .run(revision, status.logChanges + changes, status.logBytes + bytes);
  compactLog(database, limits);
  return revision;
}

/** Zeros for a key that does not exist. */
function readRevisions(database: Database, key: string): { created: number; modified: number } {
  const row = database
    .query<{ created: number; modified: number }, [string]>(
      "SELECT create_revision AS created, mod_revision AS modified FROM entries WHERE key = ?",
    )
    .get(key);
  return row ?? { created: 0, modified: 0 };
}
