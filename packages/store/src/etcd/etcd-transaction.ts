import type { IRequestOp, ITxnRequest, ITxnResponse } from "etcd3";
import type { Comparison, Transaction } from "../store.ts";
import type { EtcdCluster } from "./etcd-cluster.ts";

/** etcd's defaults (`--max-txn-ops`, `--max-request-bytes`), less 1 KiB for what it adds itself. */
export const etcdLimits = { maxOperations: 128, maxBytes: 1_572_864 - 1_024 };

/** Lease id by TTL in seconds. */
export type Leases = ReadonlyMap<number, string>;

/** Grants one lease for each TTL a transaction names. */
export async function grantLeases(
  cluster: EtcdCluster,
  { operations }: Transaction,
): Promise<Leases> {
  const leases = new Map<number, string>();
  for (const operation of operations) {
    const ttl = operation.kind === "put" ? operation.ttlSeconds : undefined;
    if (ttl === undefined || leases.has(ttl)) continue;
    const { ID } = await cluster.write((client, options) =>
      client.leaseClient.leaseGrant({ TTL: ttl }, options),
    );
    leases.set(ttl, ID);
  }
  return leases;
}

/** Gives back leases that nothing was attached to; they would also run out by themselves. */
export async function revokeLeases(cluster: EtcdCluster, leases: Leases): Promise<void> {
  for (const ID of leases.values()) {
    await cluster
      .write((client, options) => client.leaseClient.leaseRevoke({ ID }, options))
      .catch(() => undefined);
  }
}

/** When a comparison does not hold, etcd is to answer with the revisions that the keys do have. */
export function toTxnRequest(transaction: Transaction, leases: Leases): ITxnRequest {
  return {
    compare: transaction.comparisons.map(({ key, modRevision }) => ({
      key: Buffer.from(key),
      target: "Mod",
      result: "Equal",
      mod_revision: modRevision,
    })),
    success: transaction.operations.map((operation): IRequestOp => {
      const key = Buffer.from(operation.key);
      if (operation.kind === "delete") return { request_delete_range: { key } };
      const lease = leases.get(operation.ttlSeconds ?? 0);
      const value = Buffer.from(operation.value);
      return { request_put: { key, value, ...(lease !== undefined && { lease }) } };
    }),
    failure: transaction.comparisons.map(({ key }) => ({
      request_range: { key: Buffer.from(key), keys_only: true },
    })),
  };
}

/** Names the keys whose revision is not the one they were compared with. */
export function findConflicts(
  comparisons: readonly Comparison[],
  { responses }: ITxnResponse,
): readonly string[] {
  const conflicts = comparisons.filter(({ modRevision }, i) => {
    const found = responses[i]?.response_range.kvs[0]?.mod_revision ?? "0";
    return Number(found) !== modRevision;
  });
  return [...new Set(conflicts.map(({ key }) => key))];
}
