/**
 * Where configuration lives. Keys are text paths in APISIX's layout (`/apisix/routes/1`), values are
 * text exactly as written. Every write gets a revision: a number that only grows, shared by the whole
 * store, as in etcd (etcd API: KV and Watch guarantees).
 */
export interface ConfigStore {
  /** The URL the store was opened with, without credentials; for logs and `/status`. */
  readonly url: string;
  /** @returns the entry, or `null` when the key does not exist. @throws STORE_UNAVAILABLE */
  get(key: string): Promise<StoreEntry | null>;
  /**
   * Lists every entry whose key starts with `prefix`, with the revision the list was read at.
   * Watching from `revision + 1` therefore misses nothing and repeats nothing.
   *
   * @returns entries in byte order of their keys; `revision` is what the store counts from when it
   *   was never written to: 0 in an SQLite file, 1 in etcd.
   * @throws STORE_UNAVAILABLE (retryable)
   */
  list(prefix: string): Promise<StoreList>;
  /**
   * Applies all operations, or none of them when a comparison does not hold. All changes of one
   * transaction share one revision and reach a watcher in one batch. A key may be named by one
   * operation only. Deleting a key that does not exist changes nothing, and a transaction that
   * changes nothing has the current revision.
   *
   * @throws STORE_UNAVAILABLE (retryable; the outcome may be unknown), STORE_TOO_LARGE when the
   *   store's limit on operations or bytes is exceeded (etcd: 128 operations, 1.5 MiB; SQLite:
   *   64 MiB), STORE_TRANSACTION_INVALID for a key named twice or not text, or a TTL out of range.
   */
  transact(transaction: Transaction): Promise<TransactionResult>;
  /**
   * Follows every change under `prefix` from `fromRevision` on, through disconnects and restarts of
   * the store, until closed. When the changes since then are no longer known (compaction, another
   * cluster, a store that came back with less), the full list is handed over instead.
   *
   * Never throws and never calls the handler before it has returned.
   */
  watch(prefix: string, fromRevision: number, handler: WatchHandler): StoreWatch;
  /** Ends watches and connections. Calling it twice is harmless. */
  close(): Promise<void>;
}

export interface StoreEntry {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface StoreList {
  readonly entries: readonly StoreEntry[];
  readonly revision: number;
}

/** Holds when the key's last change is the given revision; `0` means: the key must not exist. */
export interface Comparison {
  readonly key: string;
  readonly modRevision: number;
}

export type Operation =
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string;
      /**
       * The key disappears by itself after about this many seconds (whole, at least 1; etcd may
       * stretch very short ones). A later put without it makes the key stay.
       */
      readonly ttlSeconds?: number;
    }
  | { readonly kind: "delete"; readonly key: string };

export interface Transaction {
  readonly comparisons: readonly Comparison[];
  readonly operations: readonly Operation[];
}

export type TransactionResult =
  | { readonly committed: true; readonly revision: number }
  /** `conflicts`: the keys whose comparison did not hold. */
  | { readonly committed: false; readonly conflicts: readonly string[] };

export type Change =
  | { readonly kind: "put"; readonly entry: StoreEntry }
  | { readonly kind: "delete"; readonly key: string; readonly revision: number };

/** Why a watch hands over a full list instead of changes. */
export type ResetReason =
  /** Reconnected; listed again to be sure that nothing was missed. */
  | "reconnected"
  /** The store no longer knows the changes since our revision. */
  | "compacted"
  /** The store is at a lower revision than we have applied, is another cluster, or lost its data. */
  | "regressed"
  /** A periodic check. */
  | "verified";

/**
 * Receives what a watch finds, one call at a time. A handler that throws is a fault: the watch reports
 * itself disconnected and hands over the full list (`reconnected`) at its next attempt.
 */
export interface WatchHandler {
  /**
   * Changes in the order they were made, each once; a batch never splits a transaction.
   * `revision` is the store's after the batch.
   *
   * Over a lost connection, what happened meanwhile comes as one batch holding the difference: a key
   * changed twice appears once, and a delete carries the revision at which it was noticed.
   */
  onChanges(changes: readonly Change[], revision: number): void;
  /** The full state under the prefix; what is not in it is gone. The receiver compares. */
  onReset(list: StoreList, reason: ResetReason): void;
  /** Called on every change of the connection, not on every retry. */
  onState(state: WatchState): void;
}

export type WatchState =
  | { readonly kind: "connected"; readonly revision: number }
  | { readonly kind: "disconnected"; readonly reason: string };

export interface StoreWatch {
  close(): Promise<void>;
}
