import { GRPCOutOfRangeError, type IEvent, type IWatchResponse } from "etcd3";
import type { Change, ResetReason, StoreEntry } from "../store.ts";
import { HandlerFault, type WatchDelivery } from "../watch-delivery.ts";
import type { EtcdCluster } from "./etcd-cluster.ts";
import { toEtcdFailure } from "./etcd-errors.ts";
import { type ClusterList, keyRange, listPrefix, toEntry, toRevision } from "./etcd-read.ts";

export interface EtcdWatchSettings {
  readonly cluster: EtcdCluster;
  readonly prefix: string;
  readonly fromRevision: number;
  /** The cluster `fromRevision` is from, where known. */
  readonly clusterId: string | null;
  readonly delivery: WatchDelivery;
  readonly timeoutMs: number;
  readonly verifyIntervalMs: number;
}

/**
 * Follows a prefix by listing and watching, in place of etcd3's `Watcher`, which loses events when
 * cut off at the wrong moment and stays dead after a compaction, a lost token or a wiped store.
 *
 * Invariant: `#known` is the state under the prefix at revision `#applied`, and the handler has been
 * given exactly that. `#applied` only ever comes from a list or from events handed over; a stream's
 * `created` header, which may be ahead of events still to come, says nothing (APISIX lost updates by
 * trusting it, apisix/core/config_etcd.lua before 88f37dc8c). Every new stream is preceded by a list
 * whose difference to `#known` is handed over, so even an event that etcd never sent is made up for.
 */
export class EtcdWatch {
  readonly #settings: EtcdWatchSettings;
  readonly #delivery: WatchDelivery;
  readonly #closing = new AbortController();
  /** Last change of each key; `null` until the state at `#applied` is known. */
  #known: Map<string, number> | null = null;
  #applied: number;
  #clusterId: string | null;
  /** A list the handler has to be given whole, and why. */
  #owed: ResetReason | null = null;
  /** Streams that etcd canceled in a row. */
  #cancels = 0;

  constructor(settings: EtcdWatchSettings) {
    this.#settings = settings;
    this.#delivery = settings.delivery;
    this.#applied = Math.max(0, settings.fromRevision - 1);
    this.#clusterId = settings.clusterId;
  }

  start(): void {
    void this.#run();
  }

  close(): void {
    this.#delivery.close();
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    while (!this.#delivery.isClosed) {
      let isPrompt = false;
      try {
        await this.#catchUp();
        if (this.#delivery.isClosed) return;
        await this.#follow();
        isPrompt = this.#cancels < 2;
      } catch (error) {
        if (error instanceof HandlerFault) this.#owed = "reconnected";
        const { cause, reason } = toEtcdFailure(error);
        this.#delivery.disconnected(cause, reason);
      }
      // Bounded by a second rather than growing: a retry is one small call, and a store that is back
      // should be noticed at once. Jitter keeps many gateways from asking together.
      const delayMs = isPrompt ? Math.random() * 50 : 250 + Math.random() * 500;
      await sleep(delayMs, this.#closing.signal);
    }
  }

  /** Brings `#known`, `#applied` and the handler to the same revision. */
  async #catchUp(): Promise<void> {
    if (this.#known === null && this.#owed === null && (await this.#findStart())) return;
    const { cluster, prefix } = this.#settings;
    const list = await listPrefix(cluster, prefix);
    const reason = this.#hasRegressed(list) ? "regressed" : this.#owed;
    if (this.#known === null || reason !== null) {
      this.#reset(list, reason ?? "compacted");
      return;
    }
    this.#delivery.changes(difference(this.#known, list), list.revision);
    this.#accept(list);
  }

  /**
   * Reads which keys there were at the revision to start from.
   *
   * @returns false when etcd no longer, or not yet, knows that revision
   */
  async #findStart(): Promise<boolean> {
    const { cluster, prefix } = this.#settings;
    if (this.#applied === 0) {
      this.#known = new Map();
      return true;
    }
    try {
      const list = await listPrefix(cluster, prefix, this.#applied);
      if (this.#hasRegressed(list)) return false;
      this.#accept(list);
      return true;
    } catch (error) {
      if (error instanceof GRPCOutOfRangeError) return false;
      throw error;
    }
  }

  /** Applies a stream's events until a new list is due. @throws when the connection is lost */
  async #follow(): Promise<void> {
    const { cluster, prefix, timeoutMs } = this.#settings;
    const { signal } = this.#closing;
    const stream = await cluster.openWatch();
    const over = Promise.withResolvers<void>();
    // Canceling the stream below makes it fail once more, when nobody listens any longer.
    over.promise.catch(() => undefined);
    const ended = new AbortController();
    const unanswered = setTimeout(
      () => over.reject(new Error("the watch was not confirmed in time")),
      timeoutMs,
    );
    const close = () => over.resolve();
    signal.addEventListener("abort", close);
    stream.on("error", over.reject);
    stream.on("end", () => over.reject(new Error("etcd ended the watch stream")));
    stream.on("data", (response) => {
      if (ended.signal.aborted) return;
      clearTimeout(unanswered);
      try {
        if (this.#receive(response) === "list again") over.resolve();
      } catch (error) {
        over.reject(error);
      }
    });
    try {
      if (signal.aborted) return;
      stream.write({ create_request: { ...keyRange(prefix), start_revision: this.#applied + 1 } });
      this.#verifyUntil(ended.signal).catch(over.reject);
      await over.promise;
    } finally {
      ended.abort();
      clearTimeout(unanswered);
      signal.removeEventListener("abort", close);
      stream.cancel();
    }
  }

  /** Now and then compares with the full list; events that the list already holds are skipped. */
  async #verifyUntil(ended: AbortSignal): Promise<void> {
    const { cluster, prefix, verifyIntervalMs } = this.#settings;
    for (;;) {
      await sleep(verifyIntervalMs * (0.8 + Math.random() * 0.4), ended);
      if (ended.aborted) return;
      const before = this.#applied;
      const list = await listPrefix(cluster, prefix);
      if (ended.aborted) return;
      // Overtaken by the stream while it was on its way: nothing can be learned from it.
      if (list.revision >= before && list.revision < this.#applied) continue;
      this.#reset(list, this.#hasRegressed(list) ? "regressed" : "verified");
    }
  }

  #receive(response: IWatchResponse): "go on" | "list again" {
    // etcd 3.4 refuses a stale token with `created` and `canceled` both set, so this comes first.
    if (response.canceled || response.compact_revision !== "0") {
      if (response.compact_revision !== "0") this.#owed = "compacted";
      this.#cancels += 1;
      if (this.#cancels > 1) {
        throw new Error(`etcd canceled the watch: ${response.cancel_reason || "no reason given"}`);
      }
      return "list again";
    }
    const { header } = response;
    if (this.#clusterId !== null && header.cluster_id !== this.#clusterId) return "list again";
    this.#clusterId = header.cluster_id;
    if (response.created) {
      this.#cancels = 0;
      this.#delivery.connected(this.#applied);
      return "go on";
    }
    if (toRevision(header) < this.#applied) return "list again";
    this.#apply(response.events);
    return "go on";
  }

  #apply(events: readonly IEvent[]): void {
    const changes = events
      .filter(({ kv }) => Number(kv.mod_revision) > this.#applied)
      .map(toChange);
    const last = changes.at(-1);
    if (last === undefined) return;
    const revision = last.kind === "put" ? last.entry.modRevision : last.revision;
    this.#delivery.changes(changes, revision);
    for (const change of changes) {
      if (change.kind === "put") this.#known?.set(change.entry.key, change.entry.modRevision);
      else this.#known?.delete(change.key);
    }
    this.#applied = revision;
  }

  #reset(list: ClusterList, reason: ResetReason): void {
    const { entries, revision } = list;
    this.#delivery.reset({ entries, revision }, reason);
    this.#accept(list);
    this.#owed = null;
  }

  #accept(list: ClusterList): void {
    this.#known = new Map(list.entries.map(({ key, modRevision }) => [key, modRevision]));
    this.#applied = list.revision;
    this.#clusterId = list.clusterId;
  }

  /**
   * A restored backup, an emptied data directory or another cluster. The cluster id alone does not
   * tell: etcd derives it from its flags, so an emptied member comes back with the same one. One
   * that was emptied and then written past our revision shows in keys older than we know them.
   */
  #hasRegressed({ clusterId, revision, entries }: ClusterList): boolean {
    if (this.#clusterId !== null && clusterId !== this.#clusterId) return true;
    if (revision < this.#applied) return true;
    const known = this.#known;
    return entries.some(({ key, modRevision }) => modRevision < (known?.get(key) ?? 0));
  }
}

/** What has to be done to a state known by its revisions to make it the listed one. */
function difference(known: ReadonlyMap<string, number>, list: ClusterList): readonly Change[] {
  const isNew = ({ key, modRevision }: StoreEntry) => known.get(key) !== modRevision;
  const puts = list.entries
    .filter(isNew)
    .sort((a, b) => a.modRevision - b.modRevision)
    .map((entry): Change => ({ kind: "put", entry }));
  const listed = new Set(list.entries.map(({ key }) => key));
  const deletes = [...known.keys()]
    .filter((key) => !listed.has(key))
    .map((key): Change => ({ kind: "delete", key, revision: list.revision }));
  return [...puts, ...deletes];
}

function toChange({ type, kv }: IEvent): Change {
  // The type says "Delete", the wire "DELETE".
  if (type.toLowerCase() !== "delete") return { kind: "put", entry: toEntry(kv) };
  return { kind: "delete", key: kv.key.toString(), revision: Number(kv.mod_revision) };
}

/** Ends early, without an error, when the signal aborts. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
