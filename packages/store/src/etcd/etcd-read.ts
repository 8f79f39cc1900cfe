import type { IKeyValue, IRangeRequest, IResponseHeader } from "etcd3";
import { prefixEnd } from "../key-range.ts";
import type { StoreEntry, StoreList } from "../store.ts";
import type { EtcdCluster } from "./etcd-cluster.ts";

/** A list together with the identity of the cluster that gave it. */
export interface ClusterList extends StoreList {
  readonly clusterId: string;
}

/** The bounds of a prefix as etcd wants them; "\0" as end means that there is none. */
export function keyRange(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = prefixEnd(prefix);
  return { key: Buffer.from(prefix === "" ? "\0" : prefix), range_end: Buffer.from(end ?? "\0") };
}

/** Lists a prefix at the newest revision, or as it was at `revision` and then without values. */
export async function listPrefix(
  cluster: EtcdCluster,
  prefix: string,
  revision?: number,
): Promise<ClusterList> {
  const request: IRangeRequest = {
    ...keyRange(prefix),
    ...(revision !== undefined && { revision, keys_only: true }),
  };
  const { kvs, header } = await cluster.read((client, options) =>
    client.kv.range(request, options),
  );
  return {
    entries: kvs.map(toEntry),
    revision: revision ?? toRevision(header),
    clusterId: header.cluster_id,
  };
}

export function toEntry(pair: IKeyValue): StoreEntry {
  return {
    key: pair.key.toString(),
    value: pair.value.toString(),
    createRevision: Number(pair.create_revision),
    modRevision: Number(pair.mod_revision),
  };
}

export function toRevision(header: IResponseHeader): number {
  return Number(header.revision);
}
