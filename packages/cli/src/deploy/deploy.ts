import { type Issue, isGatewayError } from "@catena/errors";
import { plugins } from "@catena/plugins";
import { createFieldCipher, formatKey } from "@catena/schema";
import {
  type ConfigStore,
  finishStaged,
  readStaged,
  type StagedItem,
  type StagedList,
  transactStaged,
} from "@catena/store";
import { checkLinks } from "./check-links.ts";
import { planRecord, readRecord } from "./deployment-record.ts";
import { deployErrors } from "./errors.ts";
import { type DeployPlan, type LocalResource, planChanges } from "./plan-changes.ts";

export interface DeployOptions {
  readonly store: ConfigStore;
  /** `/apisix` */
  readonly prefix: string;
  /** Names the set of configs; `--prune` looks only at what this name deployed. */
  readonly name: string;
  readonly prune: boolean;
  /** Keys that secret fields are encrypted with in the store; none: they are stored as they are. */
  readonly keyring: readonly string[];
  /** Unix seconds. */
  readonly now: number;
}

/** A plan, and what it needs to be carried out. */
export interface PreparedDeploy {
  readonly plan: DeployPlan;
  /** What would point at nothing afterwards. */
  readonly issues: readonly Issue[];
  /**
   * Writes everything in one transaction, or nothing. What one transaction of the store cannot take
   * becomes visible to gateways at once all the same, and to others part by part.
   *
   * @returns the revision at which all of it became visible; `null` when there was nothing to do.
   * @throws DEPLOY_CONFLICT, STORE_UNAVAILABLE, STORE_TOO_LARGE: nothing was written;
   *   DEPLOY_PARTLY_LOST, DEPLOY_UNFINISHED: all but what they name is served
   */
  commit(): Promise<number | null>;
}

/**
 * Compares resources with the store, without writing.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function prepareDeploy(
  resources: readonly (LocalResource & { readonly source?: Issue["source"] })[],
  options: DeployOptions,
): Promise<PreparedDeploy> {
  const { store, prefix, name, now } = options;
  const [list, record] = await Promise.all([readAll(store, prefix), readRecord(store, name)]);
  const plan = planChanges({
    resources,
    stored: list.entries,
    deployed: record.keys,
    prefix,
    prune: options.prune,
    cipher: createFieldCipher(options.keyring, plugins.registry),
    now,
  });
  const issues = checkLinks(resources, list.entries, plan, prefix);
  return {
    plan,
    issues,
    commit: async () => {
      const recorded = planRecord(name, recordedKeys(resources, plan, prefix), record, now);
      if (list.pending.length > 0) {
        // What an interrupted deploy left is planned against its end, which has to come first.
        await finishStaged(store, `${prefix}/`);
        const again = await prepareDeploy(resources, options);
        if (!Bun.deepEquals(again.plan.changes, plan.changes)) {
          throw deployErrors.DEPLOY_CONFLICT({ keys: again.plan.changes.map(({ key }) => key) });
        }
        return await again.commit();
      }
      const items = [...plan.items, ...recorded];
      return items.length === 0 ? null : await write(store, prefix, items);
    },
  };
}

/** The whole configuration, with what an earlier large deploy committed and has not moved yet. */
async function readAll(store: ConfigStore, prefix: string): Promise<StagedList> {
  return readStaged(await store.list(`${prefix}/`), `${prefix}/`);
}

async function write(
  store: ConfigStore,
  prefix: string,
  items: readonly StagedItem[],
): Promise<number> {
  try {
    const result = await store.transact({
      comparisons: items.map(({ key, base }) => ({ key, modRevision: base })),
      operations: items.map(({ key, value }) =>
        value === null ? { kind: "delete", key } : { kind: "put", key, value },
      ),
    });
    if (!result.committed) throw deployErrors.DEPLOY_CONFLICT({ keys: result.conflicts });
    return result.revision;
  } catch (error) {
    if (!isGatewayError(error, "STORE_TOO_LARGE")) throw error;
  }
  const result = await transactStaged(store, `${prefix}/`, items);
  if (!result.committed) throw deployErrors.DEPLOY_CONFLICT({ keys: result.conflicts });
  const { revision, lost, unfinished } = result;
  if (unfinished !== null) {
    const reason = unfinished.message;
    throw deployErrors.DEPLOY_UNFINISHED({ revision, reason }, unfinished);
  }
  if (lost.length > 0) throw deployErrors.DEPLOY_PARTLY_LOST({ keys: lost, revision });
  return revision;
}

/** What this name owns afterwards: what it has now, and what it had and did not prune. */
function recordedKeys(
  resources: readonly LocalResource[],
  plan: DeployPlan,
  prefix: string,
): readonly string[] {
  const keys = new Set(resources.map((resource) => formatKey(resource, prefix)));
  for (const name of plan.orphans) keys.add(`${prefix}/${name}`);
  return [...keys];
}
