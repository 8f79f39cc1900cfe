import { type Kind, kindPrefix, kinds, type Reference, referencesOf } from "@catena/schema";
import type { Operation } from "@catena/store";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import { type Address, fullId, keyOf } from "./address.ts";
import { invalid } from "./prepare-document.ts";
import type { ResourceReply } from "./resource-reply.ts";
import { listItems } from "./stored-item.ts";

/** Who may be in the way of a delete, in the order in which APISIX looks, and what it then says. */
interface Users {
  readonly words: string;
  readonly byField: readonly Kind[];
  readonly byPlugin: readonly Kind[];
  /** Said before the user where a plugin's configuration is meant. */
  readonly pluginWords?: string;
  readonly suffix?: string;
}

const users: Readonly<Partial<Record<Kind, Users>>> = {
  upstreams: {
    words: "this upstream,",
    pluginWords: "plugin in ",
    byField: ["routes", "services"],
    byPlugin: [
      "routes",
      "services",
      "plugin_configs",
      "consumers",
      "consumer_groups",
      "global_rules",
    ],
  },
  services: { words: "this service directly,", byField: ["routes", "stream_routes"], byPlugin: [] },
  plugin_configs: { words: "this plugin config,", byField: ["routes"], byPlugin: [] },
  consumer_groups: { words: "this consumer group,", byField: ["consumers"], byPlugin: [] },
  protos: { words: "this proto,", byField: [], byPlugin: ["routes", "services"] },
  stream_routes: {
    words: "this stream route directly,",
    byField: ["stream_routes"],
    byPlugin: [],
    suffix: "is still using it as superior_id",
  },
};

/** Operations of one transaction; etcd allows 128. */
const maxOperations = 120;

/** Attempts against writers of the same key. */
const maxAttempts = 16;

/**
 * Deletes a resource, a consumer together with its credentials.
 *
 * @param force skips the check that nothing uses it.
 * @throws ADMIN_RESOURCE_INVALID when something uses it, ADMIN_RESOURCE_MISSING, ADMIN_CONFLICT,
 *   STORE_*
 */
export async function deleteResource(
  context: AdminContext,
  address: Address,
  force: boolean,
): Promise<ResourceReply> {
  const { kind, name, owner } = address;
  const { store, prefix } = context;
  if (kind === "secrets" && owner === undefined) throw invalid("missing secret type");
  if (name === undefined) throw invalid(`missing ${kinds[kind].label} id`);
  const key = keyOf(address, name, prefix);
  if (key === null) throw adminErrors.ADMIN_RESOURCE_MISSING({ key: name });
  if (!force) await checkUnused(context, kind, fullId(address, name));
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const existing = await store.get(key);
    if (existing === null) throw adminErrors.ADMIN_RESOURCE_MISSING({ key });
    const more = kind === "consumers" ? await deleteCredentials(context, name) : [];
    const result = await store.transact({
      comparisons: [{ key, modRevision: existing.modRevision }],
      operations: [...more, { kind: "delete", key }],
    });
    if (result.committed) return { status: 200, body: { deleted: "1", key } };
  }
  throw adminErrors.ADMIN_CONFLICT({ key });
}

/** Deletes all but the last credentials; those are the caller's to delete with the consumer. */
async function deleteCredentials(
  { store, prefix }: AdminContext,
  username: string,
): Promise<readonly Operation[]> {
  const { entries } = await store.list(
    `${kindPrefix("consumers", prefix)}${username}/credentials/`,
  );
  const operations: Operation[] = entries.map(({ key }) => ({ kind: "delete", key }));
  while (operations.length >= maxOperations) {
    await store.transact({ comparisons: [], operations: operations.splice(0, maxOperations) });
  }
  return operations;
}

async function checkUnused(context: AdminContext, kind: Kind, id: string): Promise<void> {
  const rule = users[kind];
  if (rule === undefined) return;
  const suffix = rule.suffix ?? "is still using it now";
  for (const [by, isPlugin] of [
    ...rule.byField.map((by) => [by, false] as const),
    ...rule.byPlugin.map((by) => [by, true] as const),
  ]) {
    const user = await findUser(context, by, { kind, id }, isPlugin);
    if (user === null) continue;
    const label = isPlugin && by === "global_rules" ? "global_rules" : kinds[by].schemaName;
    const words = by === "stream_routes" && kind === "stream_routes" ? "stream route" : label;
    throw invalid(
      `can not delete ${rule.words} ${isPlugin ? (rule.pluginWords ?? "") : ""}${words} [${user}] ${suffix}`,
    );
  }
}

async function findUser(
  { store, prefix, registry }: AdminContext,
  by: Kind,
  target: Pick<Reference, "kind" | "id">,
  isPlugin: boolean,
): Promise<string | null> {
  const { kind, id } = target;
  for (const item of await listItems(store, by, prefix, kindPrefix(by, prefix))) {
    const isUser = referencesOf(by, item.value, { id: item.id, registry }).some(
      (reference) =>
        reference.kind === kind &&
        reference.id === id &&
        (reference.plugin !== undefined) === isPlugin,
    );
    if (isUser && (by !== kind || item.id !== id)) return item.id;
  }
  return null;
}
