import {
  apisixMessage,
  isJsonObject,
  isSecretManager,
  type JsonObject,
  kinds,
} from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import { type Address, fullId, keyOf } from "./address.ts";
import { checkDocument } from "./check-document.ts";

/** How a document got here; decides about its id and its times. */
export type WriteMode = "put" | "post" | "patch";

/** A document that has passed every check that needs no store. */
export interface Draft {
  /** Absent for POST, which gets its id when it is stored. */
  readonly key?: string;
  /** Unique within the kind; absent as above. */
  readonly id?: string;
  readonly document: JsonObject;
}

/**
 * Checks a document in APISIX's order (apisix/admin/resource.lua, check_conf): its id, the fields it
 * must not have, its schema and the rules beyond it.
 *
 * @throws ADMIN_RESOURCE_INVALID with the first finding, in APISIX's words
 */
export function prepareDocument(
  context: AdminContext,
  address: Address,
  body: unknown,
  mode: WriteMode,
): Draft {
  if (body === undefined) throw invalid("missing configurations");
  checkOwner(address);
  const given = toDocument(address, body);
  const { document, name } = withId(address, given, mode);
  if (mode !== "patch") forbidTimes(document);
  const id = name === undefined ? undefined : fullId(address, name);
  // A secret that gets its id later is still one of its manager's.
  const message = checkDocument(context, address.kind, document, id ?? fullId(address, ""));
  if (message !== null) throw invalid(message);
  if (address.kind === "consumers") return consumerDraft(context, address, document);
  if (name === undefined || id === undefined) return { document };
  const key = keyOf(address, name, context.prefix);
  if (key !== null) return { key, id, document };
  if (address.kind === "credentials") throw adminErrors.ADMIN_OWNER_MISSING({ kind: "consumer" });
  throw invalid(
    'invalid configuration: property "id" validation failed: object matches none of the required',
  );
}

export function invalid(reason: string): Error {
  return adminErrors.ADMIN_RESOURCE_INVALID({ reason });
}

function checkOwner({ kind, owner, name }: Address): void {
  if (kind === "plugin_metadata" && name === undefined) throw invalid("missing plugin name");
  if (kind !== "secrets") return;
  if (owner === undefined) throw invalid("missing secret type");
  if (!isSecretManager(owner)) throw invalid(`invalid secret manager: ${owner}`);
}

/** An empty array is an empty object to APISIX; anything else that is no object is refused. */
function toDocument({ kind }: Address, body: unknown): JsonObject {
  if (Array.isArray(body) && body.length === 0) return {};
  if (isJsonObject(body)) return body;
  throw invalid(apisixMessage(kind, body) ?? "invalid configuration: wrong type: expected object");
}

/** Usernames and plugin names are their resources' ids; all other kinds carry theirs in `id`. */
function withId(
  address: Address,
  given: JsonObject,
  mode: WriteMode,
): { readonly document: JsonObject; readonly name?: string } {
  const { kind, name } = address;
  if (kind === "consumers") return { document: given };
  if (kind === "plugin_metadata") {
    return { document: { ...given, id: name }, ...(name === undefined ? {} : { name }) };
  }
  const { label } = kinds[kind];
  const inBody = Object.hasOwn(given, "id") ? given["id"] : undefined;
  if (mode === "post") {
    if (name !== undefined || inBody !== undefined) {
      throw invalid(`wrong ${label} id, do not need it`);
    }
    return { document: given };
  }
  if (name === undefined) {
    if (inBody === undefined) throw invalid(`missing ${label} id`);
    return { document: given, name: String(inBody) };
  }
  // Credentials keep the short id, secrets the one with the manager (apisix/admin/secrets.lua).
  const stored = kind === "secrets" ? fullId(address, name) : name;
  if (inBody !== undefined && String(inBody) !== stored) throw invalid(`wrong ${label} id`);
  return { document: { ...given, id: stored }, name };
}

/** Times are the API's to write; two blanks are APISIX's. */
function forbidTimes(document: JsonObject): void {
  for (const [prefix, holder] of [
    ["", document],
    ["upstream.", document["upstream"]],
    ["plugins.", document["plugins"]],
  ] as const) {
    for (const field of ["create_time", "update_time"]) {
      if (!isJsonObject(holder) || !Object.hasOwn(holder, field)) continue;
      // False and null are the only values that Lua takes for absent.
      if (holder[field] === null || holder[field] === false) continue;
      throw invalid(`the property is forbidden:  ${prefix}${field}`);
    }
  }
}

function consumerDraft(context: AdminContext, address: Address, document: JsonObject): Draft {
  const id = String(document["username"]);
  if (address.name !== undefined && address.name !== id) throw invalid("wrong username");
  const key = keyOf(address, id, context.prefix);
  if (key === null) throw invalid("wrong username");
  return { key, id, document };
}
