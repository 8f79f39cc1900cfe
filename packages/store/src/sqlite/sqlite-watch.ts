import type { Database } from "bun:sqlite";
import type { Change, ResetReason, StoreList } from "../store.ts";
import { HandlerFault, type WatchDelivery } from "../watch-delivery.ts";
import { readChanges, readList, readStatus } from "./change-log.ts";
import type { OpenFile } from "./sqlite-file.ts";

/** How long a handler that threw is left alone. */
const handlerRetryMs = 500;

type Outcome =
  | { readonly kind: "changes"; readonly changes: readonly Change[]; readonly revision: number }
  | { readonly kind: "reset"; readonly list: StoreList; readonly reason: ResetReason };

/** Where one watcher stands. */
export class SqliteWatch {
  readonly delivery: WatchDelivery;
  readonly #prefix: string;
  #storeId: string;
  #applied: number;
  #owesReset = false;
  #retryAtMs = 0;

  constructor(prefix: string, fromRevision: number, storeId: string, delivery: WatchDelivery) {
    this.#prefix = prefix;
    this.#applied = Math.max(0, fromRevision - 1);
    this.#storeId = storeId;
    this.delivery = delivery;
  }

  /** Whether the watch has work of its own although the store has not changed. */
  get isBehind(): boolean {
    return this.#owesReset;
  }

  /**
   * Brings the watcher up to the file's state.
   *
   * @throws SQLite's errors; the watcher then stands where it stood
   */
  advance(file: OpenFile, nowMs: number): void {
    if (this.delivery.isClosed || performance.now() < this.#retryAtMs) return;
    const outcome = this.#read(file, nowMs);
    try {
      if (outcome.kind === "reset") {
        this.delivery.reset(outcome.list, outcome.reason);
        this.#applied = outcome.list.revision;
      } else {
        this.delivery.changes(outcome.changes, outcome.revision);
        this.#applied = outcome.revision;
      }
      this.#storeId = file.storeId;
      this.#owesReset = false;
      this.delivery.connected(this.#applied);
    } catch (error) {
      if (!(error instanceof HandlerFault)) throw error;
      this.#owesReset = true;
      this.#retryAtMs = performance.now() + handlerRetryMs;
      this.delivery.disconnected("handler", error.message);
    }
  }

  #read(file: OpenFile, nowMs: number): Outcome {
    const { database, storeId } = file;
    return readConsistently(database, () => {
      const { revision, compactedRevision } = readStatus(database);
      const reason = this.#resetReason(storeId, revision, compactedRevision);
      if (reason !== null) {
        return { kind: "reset", list: readList(database, this.#prefix, nowMs), reason };
      }
      const changes = readChanges(database, this.#prefix, this.#applied);
      return { kind: "changes", changes, revision };
    });
  }

  #resetReason(storeId: string, revision: number, compactedRevision: number): ResetReason | null {
    if (storeId !== this.#storeId || revision < this.#applied) return "regressed";
    if (this.#applied < compactedRevision) return "compacted";
    return this.#owesReset ? "reconnected" : null;
  }
}

/** Runs reads on one snapshot of the database. */
export function readConsistently<T>(database: Database, read: () => T): T {
  database.run("BEGIN");
  try {
    return read();
  } finally {
    // Nothing was written, so this only ends the snapshot.
    database.run("ROLLBACK");
  }
}
