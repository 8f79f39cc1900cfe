import { type JsonObject, kindPrefix } from "@catena/schema";
import type { StoreEntry } from "@catena/store";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import { type Address, keyOf } from "./address.ts";
import { type ListQuery, selectItems } from "./list-query.ts";
import type { ResourceReply } from "./resource-reply.ts";
import { decodeEntry, listItems } from "./stored-item.ts";

/** @throws ADMIN_RESOURCE_MISSING, ADMIN_STORED_VALUE_BROKEN, STORE_UNAVAILABLE */
export async function getResource(
  context: AdminContext,
  address: Address,
  name: string,
): Promise<ResourceReply> {
  const key = keyOf(address, name, context.prefix);
  const entry = key === null ? null : await context.store.get(key);
  if (entry === null) throw adminErrors.ADMIN_RESOURCE_MISSING({ key: name });
  return { status: 200, body: toAnswer(context, address, entry, decodeEntry(entry)) };
}

/**
 * Lists a kind. The manager of secrets is no filter, as in APISIX; a consumer without credentials
 * has no list of them.
 *
 * @throws ADMIN_RESOURCE_MISSING, STORE_UNAVAILABLE
 */
export async function listResources(
  context: AdminContext,
  address: Address,
  query: ListQuery,
): Promise<ResourceReply> {
  const { store, prefix } = context;
  const { kind, owner } = address;
  const credentials = kind === "credentials" ? `${owner ?? ""}/credentials/` : "";
  const items = await listItems(store, kind, prefix, kindPrefix(kind, prefix) + credentials);
  if (kind === "credentials" && items.length === 0) {
    throw adminErrors.ADMIN_RESOURCE_MISSING({ key: credentials });
  }
  const selected = selectItems(kind, items, query);
  return {
    status: 200,
    body: {
      total: selected.total,
      list: selected.items.map(({ entry, value }) => toAnswer(context, address, entry, value)),
    },
  };
}

function toAnswer(
  { cipher }: AdminContext,
  { kind }: Address,
  entry: StoreEntry,
  value: JsonObject,
): JsonObject {
  const plain = cipher.decryptPlugins(kind, value);
  return {
    key: entry.key,
    value: kind === "ssls" ? withoutPrivateKeys(plain) : plain,
    modifiedIndex: entry.modRevision,
    createdIndex: entry.createRevision,
  };
}

/** Private keys of certificates leave the store for the gateway alone. */
export function withoutPrivateKeys({ key: _, keys: __, ...rest }: JsonObject): JsonObject {
  return rest;
}
