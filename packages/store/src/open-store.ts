import { storeErrors } from "./errors.ts";
import { EtcdStore, type EtcdStoreOptions } from "./etcd/etcd-store.ts";
import { SqliteStore, type SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
import type { ConfigStore } from "./store.ts";
import { withoutCredentials } from "./without-credentials.ts";

/** Each part is used by the stores it is named for. */
export interface OpenStoreOptions {
  readonly sqlite?: SqliteStoreOptions;
  readonly etcd?: EtcdStoreOptions;
}

/** The one place that knows all stores: URL scheme to implementation. */
const schemes: readonly {
  readonly pattern: RegExp;
  readonly open: (url: string, options: OpenStoreOptions) => ConfigStore;
}[] = [
  {
    // `sqlite://file` would look relative and be absolute; ":memory:" is not shared with anyone.
    pattern: /^sqlite:(?!\/\/(?!\/)|:memory:$)./s,
    open: (url, { sqlite }) => new SqliteStore(url.slice("sqlite:".length), sqlite),
  },
  { pattern: /^etcd:\/\//, open: (url, { etcd }) => new EtcdStore(url, etcd) },
];

/**
 * Opens the store a URL names: `sqlite:FILE` (created with mode 0600 when nothing is there) or
 * `etcd://[user:password@]host:port[,host:port][?tls=1&ca=FILE&cert=FILE&key=FILE&servername=NAME]`.
 * An etcd that is down does not fail here but in the calls made.
 *
 * @throws STORE_URL_INVALID; STORE_UNUSABLE for an SQLite file that is empty, damaged or not a store,
 *   or TLS files that cannot be read; STORE_UNAVAILABLE for a file that cannot be opened right now
 */
export function openStore(url: string, options: OpenStoreOptions = {}): ConfigStore {
  const scheme = schemes.find(({ pattern }) => pattern.test(url));
  if (scheme === undefined) {
    throw storeErrors.STORE_URL_INVALID({ url: withoutCredentials(url) });
  }
  return scheme.open(url, options);
}
