import {
  credentialId,
  isJsonObject,
  isSecretManager,
  type JsonObject,
  type Kind,
  kindNames,
} from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import { checkDocument } from "../resource/check-document.ts";

/** The lists a whole configuration consists of; credentials are among the consumers. */
export const directories: readonly Directory[] = [
  ...kindNames.filter((kind): kind is ResourceDirectory => kind !== "credentials"),
  "plugins",
];

type ResourceDirectory = Exclude<Kind, "credentials">;

/** `plugins` lists the plugins that are on, the others hold resources. */
export type Directory = ResourceDirectory | "plugins";

/** The list a kind's resources are in. */
export function directoryOf(kind: Kind): Directory {
  return kind === "credentials" ? "consumers" : kind;
}

/** One resource of a whole configuration. */
export interface ConfigItem {
  readonly kind: Kind;
  /** Unique within the kind, as in its key. */
  readonly id: string;
  /** As it is to be stored. */
  readonly document: JsonObject;
}

/** Either an item that is in order, or what is wrong with it in APISIX's words. */
export type CheckedItem =
  | { readonly item: ConfigItem | null; readonly error?: never }
  | { readonly error: string; readonly item?: never };

const LONG_CREDENTIAL_ID = /^([a-zA-Z0-9_-]+)\/credentials\/([a-zA-Z0-9_.-]{1,64})$/;

/**
 * Checks one item of a list: its id, its schema and its plugins; what it points at is not looked
 * for (apisix/admin/config_validate.lua).
 *
 * @param index from 0; names an item that has no id.
 */
export function checkItem(
  context: AdminContext,
  directory: Directory,
  given: unknown,
  index: number,
): CheckedItem {
  if (directory === "plugins") return checkPluginName(context, given);
  if (!isJsonObject(given)) {
    return { error: checkDocument(context, directory, given, "") ?? "expected an object" };
  }
  const { modifiedIndex: _, ...document } = given;
  const named = nameItem(directory, document, index);
  if (typeof named === "string") return { error: named };
  const error = checkDocument(context, named.kind, named.document, named.id);
  return error === null ? { item: named } : { error };
}

/** What a list must not hold twice: `found duplicate id r1 in routes`. */
export function describeIdentity(directory: Directory, given: unknown): string | null {
  const item = isJsonObject(given) ? given : {};
  const id = item["id"];
  if (directory === "consumers") {
    if (id !== undefined) return `credential id ${String(id)}`;
    return item["username"] === undefined ? null : `username ${String(item["username"])}`;
  }
  if (directory === "plugins") return null;
  return id === undefined ? null : `id ${String(id)}`;
}

function nameItem(
  directory: ResourceDirectory,
  document: JsonObject,
  index: number,
): ConfigItem | string {
  const given = Object.hasOwn(document, "id") ? document["id"] : undefined;
  const id = given === undefined ? `arr_${index + 1}` : String(given);
  if (directory === "consumers") {
    if (!id.includes("/credentials/")) {
      return { kind: "consumers", id: String(document["username"]), document };
    }
    const [, username, name] = LONG_CREDENTIAL_ID.exec(id) ?? [];
    if (username === undefined || name === undefined) {
      return `invalid configuration: property "id" validation failed: failed to match pattern "^[a-zA-Z0-9-_]+/credentials/[a-zA-Z0-9-_.]+$" with "${id}"`;
    }
    // The store holds the short id, the key the rest.
    return {
      kind: "credentials",
      id: credentialId(username, name),
      document: { ...document, id: name },
    };
  }
  if (directory === "secrets") {
    const [manager = "", name = "", more] = id.split("/");
    if (name === "" || more !== undefined) return `invalid secret id: ${id}`;
    if (!isSecretManager(manager)) return `invalid secret manager: ${manager}`;
  }
  if (directory === "plugin_metadata" && given === undefined) return "missing plugin name";
  return {
    kind: directory,
    id,
    document: given === undefined ? document : { ...document, id: given },
  };
}

/** The plugins of a build are always on, so the list may only name them. */
function checkPluginName({ registry }: AdminContext, given: unknown): CheckedItem {
  const name = isJsonObject(given) ? given["name"] : undefined;
  if (typeof name !== "string") {
    return { error: 'invalid configuration: property "name" is required' };
  }
  return registry.get(name) === undefined ? { error: `unknown plugin [${name}]` } : { item: null };
}
