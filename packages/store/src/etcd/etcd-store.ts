import { isGatewayError } from "@catena/errors";
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
import { EtcdCluster } from "./etcd-cluster.ts";
import { toEtcdFailure } from "./etcd-errors.ts";
import { listPrefix, toEntry, toRevision } from "./etcd-read.ts";
import {
  etcdLimits,
  findConflicts,
  grantLeases,
  revokeLeases,
  toTxnRequest,
} from "./etcd-transaction.ts";
import { parseEtcdUrl } from "./etcd-url.ts";
import { EtcdWatch } from "./etcd-watch.ts";

export interface EtcdStoreOptions {
  /** How long any one call may take; default 5000. */
  readonly timeoutMs?: number;
  /** Mean time between two checks of a running watch against the full list; default 5 minutes. */
  readonly verifyIntervalMs?: number;
}

/** Keeps configuration in etcd (v3 API, 3.4 or newer). */
export class EtcdStore implements ConfigStore {
  readonly url: string;
  readonly #cluster: EtcdCluster;
  readonly #timeoutMs: number;
  readonly #verifyIntervalMs: number;
  readonly #watches = new Set<EtcdWatch>();
  #clusterId: string | null = null;
  #isClosed = false;

  /**
   * Connects in the background: an etcd that is down shows in the first call, not here.
   *
   * @param url see {@link parseEtcdUrl}
   * @throws STORE_URL_INVALID, STORE_UNUSABLE
   */
  constructor(url: string, options: EtcdStoreOptions = {}) {
    const target = parseEtcdUrl(url);
    this.url = target.url;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#verifyIntervalMs = options.verifyIntervalMs ?? 300_000;
    this.#cluster = new EtcdCluster(target, this.#timeoutMs);
  }

  get(key: string): Promise<StoreEntry | null> {
    return this.#attempt(async () => {
      const request = { key: Buffer.from(key) };
      const { kvs } = await this.#cluster.read((client, options) =>
        client.kv.range(request, options),
      );
      const [pair] = kvs;
      return pair === undefined ? null : toEntry(pair);
    });
  }

  list(prefix: string): Promise<StoreList> {
    return this.#attempt(async () => {
      const { entries, revision, clusterId } = await listPrefix(this.#cluster, prefix);
      this.#clusterId = clusterId;
      return { entries, revision };
    });
  }

  transact(transaction: Transaction): Promise<TransactionResult> {
    return this.#attempt(async () => {
      checkTransaction(this.url, transaction, etcdLimits);
      const leases = await grantLeases(this.#cluster, transaction);
      const request = toTxnRequest(transaction, leases);
      const response = await this.#cluster.write((client, options) =>
        client.kv.txn(request, options),
      );
      if (response.succeeded) {
        return { committed: true, revision: toRevision(response.header) };
      }
      await revokeLeases(this.#cluster, leases);
      return { committed: false, conflicts: findConflicts(transaction.comparisons, response) };
    });
  }

  watch(prefix: string, fromRevision: number, handler: WatchHandler): StoreWatch {
    const watch = new EtcdWatch({
      cluster: this.#cluster,
      prefix,
      fromRevision,
      clusterId: this.#clusterId,
      delivery: new WatchDelivery(handler),
      timeoutMs: this.#timeoutMs,
      verifyIntervalMs: this.#verifyIntervalMs,
    });
    if (!this.#isClosed) {
      this.#watches.add(watch);
      watch.start();
    }
    return {
      close: async () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    this.#cluster.close();
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw storeErrors.STORE_CLOSED({ url: this.url });
    try {
      return await work();
    } catch (error) {
      if (isGatewayError(error)) throw error;
      if (this.#isClosed) throw storeErrors.STORE_CLOSED({ url: this.url }, error);
      const { reason } = toEtcdFailure(error);
      throw storeErrors.STORE_UNAVAILABLE({ url: this.url, reason }, error);
    }
  }
}
