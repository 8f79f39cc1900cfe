import { isJsonObject, type JsonObject } from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import { checkItem, type Directory, describeIdentity, directories } from "./directories.ts";

/** One finding about a whole configuration, as `POST /configs/validate` answers it. */
export interface ConfigFinding {
  readonly resource_type: Directory;
  readonly resource_id?: string;
  /** Place in the list, from 0; absent when the finding is about the list. */
  readonly index?: number;
  readonly error: string;
}

/** Finds everything wrong with a configuration; nothing is stored and no reference followed. */
export function validateConfig(
  context: AdminContext,
  config: JsonObject,
): readonly ConfigFinding[] {
  return directories.flatMap((directory) => {
    const findings: ConfigFinding[] = [];
    const version = config[`${directory}_conf_version`];
    if (version !== undefined && typeof version !== "number") {
      findings.push({
        resource_type: directory,
        error: `${directory}_conf_version must be a number, got ${luaType(version)}`,
      });
    }
    const list = config[directory];
    if (list === undefined) return findings;
    return [...findings, ...validateList(context, directory, list)];
  });
}

function validateList(
  context: AdminContext,
  directory: Directory,
  list: unknown,
): readonly ConfigFinding[] {
  // An empty object is an empty list to APISIX.
  if (isJsonObject(list) && Object.keys(list).length === 0) return [];
  if (!Array.isArray(list)) {
    return [{ resource_type: directory, error: `${directory} must be a list of resources` }];
  }
  const seen = new Set<string>();
  return list.flatMap((given: unknown, index) => {
    const identity = describeIdentity(directory, given);
    const errors: string[] = [];
    const { error } = checkItem(context, directory, given, index);
    if (error !== undefined) errors.push(error);
    if (identity !== null && seen.has(identity)) {
      errors.push(`found duplicate ${identity} in ${directory}`);
    }
    if (identity !== null) seen.add(identity);
    return errors.map((text) => ({
      resource_type: directory,
      ...idOf(given),
      index,
      error: text,
    }));
  });
}

function idOf(given: unknown): { readonly resource_id?: string } {
  const item = isJsonObject(given) ? given : {};
  const id = item["id"] ?? item["username"];
  return id === undefined ? {} : { resource_id: String(id) };
}

function luaType(value: unknown): string {
  if (value === null) return "userdata";
  return typeof value === "object" ? "table" : typeof value;
}
