import { storeErrors } from "./errors.ts";
import type { EtcdStoreOptions } from "./etcd/etcd-store.ts";
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
  { pattern: /^etcd:\/\//, open: (url, { etcd }) => openEtcd(url, etcd) },
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

/**
 * etcd's client brings gRPC and Protocol Buffers with it: 25 MB of memory and half of the JavaScript
 * heap, which a gateway on an SQLite file has no use for. So it is loaded when it is asked for.
 */
function openEtcd(url: string, options: EtcdStoreOptions | undefined): ConfigStore {
  // The types are those of the file that is named.
  const { EtcdStore } = require("./etcd/etcd-store.ts") as typeof import("./etcd/etcd-store.ts");
  return new EtcdStore(url, options);
}
