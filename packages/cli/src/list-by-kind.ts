import type { StoredResource } from "@catena/dsl";
import { toListItem } from "./config/read-resource-list.ts";

/** `{"routes": [{"id": …}], …}`: what a JSON file with resources holds. */
export function listByKind(resources: readonly StoredResource[]): Record<string, unknown[]> {
  const documents: Record<string, unknown[]> = {};
  for (const resource of resources) {
    const list = documents[resource.kind] ?? [];
    documents[resource.kind] = list;
    list.push(toListItem(resource));
  }
  return documents;
}
