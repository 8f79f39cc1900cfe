import { type JsonObject, type Kind, parseKey } from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import { withoutPrivateKeys } from "../resource/read-resource.ts";
import { parseStored } from "../resource/stored-item.ts";
import { directories, directoryOf } from "./directories.ts";
import { readState, type StandaloneState, stateKey } from "./standalone-state.ts";

/** A whole configuration as it can be sent back. */
export interface StoredConfig {
  readonly state: StandaloneState;
  readonly config: JsonObject;
}

/**
 * Reads every resource at one revision of the store. Lists that are empty are left out.
 *
 * @param withPrivateKeys whether certificates come with their keys, which sending them back needs.
 * @throws STORE_UNAVAILABLE
 */
export async function readConfig(
  { store, prefix, cipher }: AdminContext,
  withPrivateKeys: boolean,
): Promise<StoredConfig> {
  const { entries } = await store.list(`${prefix}/`);
  const state = readState(entries.find(({ key }) => key === stateKey(prefix)) ?? null);
  const lists = new Map<string, JsonObject[]>();
  for (const entry of entries) {
    const key = parseKey(entry.key, prefix);
    const stored = key.type === "resource" ? parseStored(entry.value) : null;
    if (key.type !== "resource" || stored === null) continue;
    const { kind, id } = key;
    const plain = withPrivateKeys
      ? cipher.decryptAll(kind, stored)
      : hidePrivateKeys(kind, cipher.decryptPlugins(kind, stored));
    const directory = directoryOf(kind);
    const modifiedIndex = state.modifiedIndexes[`${directory}/${id}`];
    const list = lists.get(directory) ?? [];
    lists.set(directory, list);
    list.push({
      ...plain,
      ...(kind === "credentials" ? { id } : {}),
      ...(modifiedIndex === undefined ? {} : { modifiedIndex }),
    });
  }
  const versions = directories.map((name) => [`${name}_conf_version`, state.versions[name]]);
  return {
    state,
    config: {
      ...Object.fromEntries(lists),
      ...Object.fromEntries(versions),
      ...(state.lastModified === null ? {} : { "X-Last-Modified": state.lastModified }),
      ...(state.digest === null ? {} : { "X-Digest": state.digest }),
    },
  };
}

function hidePrivateKeys(kind: Kind, value: JsonObject): JsonObject {
  return kind === "ssls" ? withoutPrivateKeys(value) : value;
}
