import { parseJson } from "@catena/json";
import { isJsonObject, type JsonObject, type Kind, parseKey } from "@catena/schema";
import type { ConfigStore, StoreEntry } from "@catena/store";
import { adminErrors } from "../errors.ts";

/** A stored resource, decoded. */
export interface StoredItem {
  readonly kind: Kind;
  readonly id: string;
  readonly entry: StoreEntry;
  readonly value: JsonObject;
}

/**
 * Lists the resources under `prefix` that are of a kind, in key order. Entries that are not JSON
 * objects are left out: the placeholders of `apisix init_etcd` among them.
 */
export async function listItems(
  store: ConfigStore,
  kind: Kind,
  prefix: string,
  under: string,
): Promise<readonly StoredItem[]> {
  const { entries } = await store.list(under);
  return entries.flatMap((entry) => {
    const key = parseKey(entry.key, prefix);
    if (key.type !== "resource" || key.kind !== kind) return [];
    const value = parseStored(entry.value);
    return value === null ? [] : [{ kind, id: key.id, entry, value }];
  });
}

/** @throws ADMIN_STORED_VALUE_BROKEN */
export function decodeEntry(entry: StoreEntry): JsonObject {
  const value = parseStored(entry.value);
  if (value === null) throw adminErrors.ADMIN_STORED_VALUE_BROKEN({ key: entry.key });
  return value;
}

/** @returns `null` for what is not a JSON object: placeholders of APISIX, and what is broken. */
export function parseStored(text: string): JsonObject | null {
  const parsed = parseJson(text);
  return parsed.kind === "value" && isJsonObject(parsed.value) ? parsed.value : null;
}
