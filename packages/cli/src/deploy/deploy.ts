import type { ConfigStore } from "@catena/store";
import { readRecord, recordKey, writeRecord } from "./deployment-record.ts";
import { deployErrors } from "./errors.ts";
import { type DeployPlan, type LocalResource, planChanges } from "./plan-changes.ts";

export interface DeployOptions {
  readonly store: ConfigStore;
  /** `/apisix` */
  readonly prefix: string;
  /** Names the set of configs; `--prune` looks only at what this name deployed. */
  readonly name: string;
  readonly prune: boolean;
  /** Unix seconds. */
  readonly now: number;
}

/** A plan, and what it needs to be carried out. */
export interface PreparedDeploy {
  readonly plan: DeployPlan;
  /**
   * Writes everything in one transaction, or nothing.
   *
   * @returns the revision at which all of it became visible; `null` when there was nothing to do.
   * @throws DEPLOY_CONFLICT, STORE_UNAVAILABLE, STORE_TOO_LARGE
   */
  commit(): Promise<number | null>;
}

/**
 * Compares resources with the store, without writing.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function prepareDeploy(
  resources: readonly LocalResource[],
  options: DeployOptions,
): Promise<PreparedDeploy> {
  const { store, prefix, name, now } = options;
  const [list, record] = await Promise.all([store.list(`${prefix}/`), readRecord(store, name)]);
  const plan = planChanges({
    resources,
    stored: list.entries,
    deployed: record.keys,
    prefix,
    prune: options.prune,
    now,
  });
  return {
    plan,
    commit: async () => {
      const keys = recordedKeys(resources, plan, prefix);
      const recordChanged = !sameKeys(keys, record.keys);
      if (plan.operations.length === 0 && !recordChanged) return null;
      const key = recordKey(name);
      const result = await store.transact({
        comparisons: [...plan.comparisons, { key, modRevision: record.entry?.modRevision ?? 0 }],
        operations: [...plan.operations, { kind: "put", key, value: writeRecord(keys, now) }],
      });
      if (!result.committed) throw deployErrors.DEPLOY_CONFLICT({ keys: result.conflicts });
      return result.revision;
    },
  };
}

/** What this name owns afterwards: what it has now, and what it had and did not prune. */
function recordedKeys(
  resources: readonly LocalResource[],
  plan: DeployPlan,
  prefix: string,
): readonly string[] {
  const keys = new Set(resources.map(({ kind, id }) => `${prefix}/${kind}/${id}`));
  for (const name of plan.orphans) keys.add(`${prefix}/${name}`);
  return [...keys].sort();
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i]);
}
