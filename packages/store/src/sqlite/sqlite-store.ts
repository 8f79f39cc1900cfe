import { resolve } from "node:path";
import { checkTransaction } from "../check-transaction.ts";
import { storeErrors } from "../errors.ts";
import type {
  ConfigStore,
  StoreEntry,
  StoreList,
  StoreWatch,
  Transaction,
  TransactionResult,
  WatchHandler,
} from "../store.ts";
import { WatchDelivery } from "../watch-delivery.ts";
import { type EntryRow, type LogLimits, readList, toEntry } from "./change-log.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { describeFailure, FileProblem, isLocked } from "./sqlite-errors.ts";
import type { OpenFile } from "./sqlite-file.ts";
import { applyTransaction, expireDue, readNextExpiry } from "./sqlite-transaction.ts";
import { readConsistently, SqliteWatch } from "./sqlite-watch.ts";

export interface SqliteStoreOptions {
  /** How often a watched file is looked at; default 5. One look costs about 3 us. */
  readonly pollIntervalMs?: number;
  /** How long a call waits for another writer; default 5000. */
  readonly lockTimeoutMs?: number;
  /** How many changes are kept for watchers that were away; default 20,000. */
  readonly logMaxChanges?: number;
  /** How many bytes of changes are kept; default 64 MiB. */
  readonly logMaxBytes?: number;
  /** Unix time in milliseconds, which TTLs are measured by; default `Date.now`. */
  readonly clock?: () => number;
}

const transactionLimits = { maxOperations: 100_000, maxBytes: 64 * 1024 * 1024 };
const expiryRetryMs = 1_000;
/** After the first write of a burst: see {@link SqliteConnection.settle}. */
const settleDelayMs = 100;

/** Keeps configuration in one SQLite file that any number of processes may have open. */
export class SqliteStore implements ConfigStore {
  readonly url: string;
  readonly #connection: SqliteConnection;
  readonly #storeId: string;
  readonly #pollIntervalMs: number;
  readonly #lockTimeoutMs: number;
  readonly #logLimits: LogLimits;
  readonly #clock: () => number;
  readonly #watches = new Set<SqliteWatch>();
  #poller: ReturnType<typeof setInterval> | undefined;
  #settler: ReturnType<typeof setTimeout> | undefined;
  #isPollDue = false;
  #hasOwnNews = false;
  #nextExpiryMs: number | null = null;
  #isClosed = false;

  /**
   * Opens the file, or creates it (mode 0600) when nothing is there.
   *
   * @throws STORE_UNUSABLE for an empty, foreign or damaged file; STORE_UNAVAILABLE when it cannot be
   *   read or created, or is locked
   */
  constructor(path: string, options: SqliteStoreOptions = {}) {
    this.url = `sqlite:${path}`;
    this.#pollIntervalMs = options.pollIntervalMs ?? 5;
    this.#lockTimeoutMs = options.lockTimeoutMs ?? 5_000;
    this.#clock = options.clock ?? Date.now;
    this.#logLimits = {
      maxChanges: options.logMaxChanges ?? 20_000,
      maxBytes: options.logMaxBytes ?? 64 * 1024 * 1024,
    };
    try {
      this.#connection = new SqliteConnection(resolve(path));
      this.#storeId = this.#connection.use().storeId;
    } catch (error) {
      if (error instanceof FileProblem && error.kind === "unusable") {
        throw storeErrors.STORE_UNUSABLE({ url: this.url, reason: error.message }, error);
      }
      throw this.#unavailable(error);
    }
  }

  get(key: string): Promise<StoreEntry | null> {
    return this.#withFile(({ database }) => {
      const row = database
        .query<EntryRow, [string, number]>(
          `SELECT key, value, create_revision, mod_revision FROM entries
           WHERE key = ? AND (expires_at_ms IS NULL OR expires_at_ms > ?)`,
        )
        .get(key, this.#clock());
      return row === null ? null : toEntry(row);
    });
  }

  list(prefix: string): Promise<StoreList> {
    return this.#withFile(({ database }) =>
      readConsistently(database, () => readList(database, prefix, this.#clock())),
    );
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    checkTransaction(this.url, transaction, transactionLimits);
    return this.#withFile((file) => {
      const result = this.#write(file, () =>
        applyTransaction(file.database, transaction, this.#clock(), this.#logLimits),
      );
      this.#connection.confirm(file);
      return result;
    });
  }

  watch(prefix: string, fromRevision: number, handler: WatchHandler): StoreWatch {
    const delivery = new WatchDelivery(handler);
    const watch = new SqliteWatch(prefix, fromRevision, this.#storeId, delivery);
    if (!this.#isClosed) {
      this.#watches.add(watch);
      this.#poller ??= setInterval(() => this.#poll(), this.#pollIntervalMs);
      this.#hasOwnNews = true;
      this.#pollSoon();
    }
    return {
      close: async () => {
        delivery.close();
        this.#watches.delete(watch);
        if (this.#watches.size === 0) this.#stopPolling();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const watch of this.#watches) watch.delivery.close();
    this.#watches.clear();
    this.#stopPolling();
    clearTimeout(this.#settler);
    this.#connection.settle();
    this.#connection.close();
  }

  /** Waits for locks without blocking the event loop, which may be serving requests. */
  async #withFile<T>(work: (file: OpenFile) => T): Promise<T> {
    const deadline = performance.now() + this.#lockTimeoutMs;
    for (;;) {
      if (this.#isClosed) throw storeErrors.STORE_CLOSED({ url: this.url });
      try {
        return work(this.#connection.use());
      } catch (error) {
        if (!isLocked(error) || performance.now() >= deadline) {
          this.#connection.report(error);
          throw this.#unavailable(error);
        }
      }
      await Bun.sleep(1 + Math.random() * 8);
    }
  }

  #write<T>(file: OpenFile, work: () => T): T {
    const { database } = file;
    database.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      database.run("COMMIT");
      this.#hasOwnNews = true;
      this.#pollSoon();
      this.#connection.noteCommit(file);
      this.#settler ??= setTimeout(() => {
        this.#settler = undefined;
        this.#connection.settle();
      }, settleDelayMs);
      return result;
    } catch (error) {
      // SQLite has already rolled back after some failures, a full disk among them.
      if (database.inTransaction) database.run("ROLLBACK");
      throw error;
    }
  }

  #pollSoon(): void {
    if (this.#isPollDue || this.#watches.size === 0) return;
    this.#isPollDue = true;
    queueMicrotask(() => {
      this.#isPollDue = false;
      if (!this.#isClosed) this.#poll();
    });
  }

  #poll(): void {
    try {
      const file = this.#connection.use();
      const nowMs = this.#clock();
      // data_version is silent about this connection's own commits.
      if (this.#connection.hasNews(file.database) || this.#hasOwnNews) {
        this.#hasOwnNews = true;
        this.#advance([...this.#watches], file, nowMs);
        this.#nextExpiryMs = readNextExpiry(file.database);
        this.#hasOwnNews = false;
      } else {
        this.#advance(
          [...this.#watches].filter(({ isBehind }) => isBehind),
          file,
          nowMs,
        );
      }
      if (this.#nextExpiryMs !== null && this.#nextExpiryMs <= nowMs) {
        this.#expire(file, nowMs);
      }
    } catch (error) {
      if (isLocked(error)) return;
      this.#hasOwnNews = true;
      this.#connection.report(error);
      const cause = error instanceof FileProblem ? error.kind : "failing";
      for (const { delivery } of this.#watches) {
        delivery.disconnected(cause, describeFailure(error));
      }
    }
  }

  #expire(file: OpenFile, nowMs: number): void {
    try {
      this.#write(file, () => expireDue(file.database, nowMs, this.#logLimits));
    } catch (error) {
      this.#connection.report(error);
      // Reads already leave due keys out, so a full or read-only disk only delays the deletes.
      this.#nextExpiryMs = nowMs + (isLocked(error) ? 0 : expiryRetryMs);
    }
  }

  #advance(watches: readonly SqliteWatch[], file: OpenFile, nowMs: number): void {
    for (const watch of watches) watch.advance(file, nowMs);
  }

  #stopPolling(): void {
    clearInterval(this.#poller);
    this.#poller = undefined;
  }

  #unavailable(error: unknown): Error {
    const reason = isLocked(error)
      ? `locked by another writer (${describeFailure(error)})`
      : describeFailure(error);
    return storeErrors.STORE_UNAVAILABLE({ url: this.url, reason }, error);
  }
}
