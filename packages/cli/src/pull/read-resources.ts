import type { StoredResource } from "@catena/dsl";
import type { Issue } from "@catena/errors";
import { formatFault, parseJson } from "@catena/json";
import { deployOrder, formatName, isJsonObject, parseKey, type ResourceKey } from "@catena/schema";
import { type ConfigStore, readStaged } from "@catena/store";

/** The resources of a store, and what in it is none. */
export interface StoredResources {
  /** In an order in which nothing comes after what refers to it, then by id. */
  readonly resources: readonly StoredResource[];
  /** Items that cannot be read. */
  readonly issues: readonly Issue[];
}

/** As deep as the gateway reads a stored item. */
const maxDepth = 64;

/**
 * Reads every resource of a store as it is, book-keeping included.
 *
 * @param prefix `/apisix`
 * @throws STORE_UNAVAILABLE
 */
export async function readResources(store: ConfigStore, prefix: string): Promise<StoredResources> {
  const { entries } = readStaged(await store.list(`${prefix}/`), `${prefix}/`);
  const resources: StoredResource[] = [];
  const issues: Issue[] = [];
  for (const { key, value: text } of entries) {
    const parsed = parseKey(key, prefix);
    if (parsed.type !== "resource") continue;
    const { kind, id } = parsed;
    const json = parseJson(text, { maxDepth });
    if (json.kind !== "value") issues.push(unreadable(parsed, `not JSON: ${formatFault(json)}`));
    else if (!isJsonObject(json.value)) issues.push(unreadable(parsed, "no JSON object"));
    else resources.push({ kind, id, value: json.value });
  }
  return { resources: resources.sort(byDeployOrder), issues };
}

function byDeployOrder(a: StoredResource, b: StoredResource): number {
  return (
    deployOrder.indexOf(a.kind) - deployOrder.indexOf(b.kind) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

function unreadable(key: ResourceKey, message: string): Issue {
  return { path: "", code: "PULL_UNREADABLE", message, resource: formatName(key) };
}
