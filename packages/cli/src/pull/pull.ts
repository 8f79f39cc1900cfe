import { decompile, decompileFiles, type StoredResource } from "@catena/dsl";
import type { Issue } from "@catena/errors";
import { plugins } from "@catena/plugins";
import { createFieldCipher, type JsonObject, type Kind } from "@catena/schema";
import type { ConfigStore } from "@catena/store";
import { listByKind } from "../list-by-kind.ts";
import { checkPulled } from "./check-pulled.ts";
import { layOutFiles } from "./file-layout.ts";
import { type LeftOutSecret, leaveOutSecrets } from "./leave-out-secrets.ts";
import { readResources } from "./read-resources.ts";

export interface PullOptions {
  readonly store: ConfigStore;
  /** `/apisix` */
  readonly prefix: string;
  /** Decrypts what is secret. */
  readonly keyring: readonly string[];
  /** `null`: all. */
  readonly kinds: ReadonlySet<Kind> | null;
  readonly withSecrets: boolean;
  readonly format: "typescript" | "json";
}

/** What a store has, ready to be written as configs. */
export interface Pulled {
  /** Without what the store adds; secrets are left out unless they were asked for. */
  readonly resources: readonly StoredResource[];
  readonly leftOut: readonly LeftOutSecret[];
  /** Items that cannot be read and so are missing. */
  readonly missing: readonly Issue[];
  /** What would keep the rest from being compiled again. */
  readonly notes: readonly Issue[];
}

/**
 * Reads the configuration that a store has.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function pull(options: PullOptions): Promise<Pulled> {
  const { store, prefix, keyring, kinds, withSecrets, format } = options;
  const stored = await readResources(store, prefix);
  const cipher = createFieldCipher(keyring, plugins.registry);
  const chosen = stored.resources
    .filter(({ kind }) => kinds === null || kinds.has(kind))
    .map(({ kind, id, value }) => {
      const decrypted = cipher.decryptAll(kind, withPlugin(kind, id, value));
      return { kind, id, value: withoutTimes(decrypted) };
    });
  const notes = checkPulled(chosen, cipher);
  const { resources, leftOut } = withSecrets
    ? { resources: chosen, leftOut: [] }
    : leaveOutSecrets(chosen, format);
  return { resources, leftOut, missing: stored.issues, notes };
}

/** Config files by path, in a folder or, when `file` is given, in that one file. */
export function toConfigFiles(
  { resources }: Pulled,
  { file, format }: { readonly file: string | null; readonly format: PullOptions["format"] },
): ReadonlyMap<string, string> {
  if (format === "typescript") {
    return file === null
      ? decompileFiles(resources, layOutFiles(resources))
      : new Map([[file, decompile(resources)]]);
  }
  const lists = Object.entries(listByKind(resources));
  return file === null
    ? new Map(lists.map(([kind, list]) => [`${kind}.json`, toText({ [kind]: list })]))
    : new Map([[file, toText(Object.fromEntries(lists))]]);
}

function toText(json: object): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Which plugin's metadata it is, a stored document need not say. */
function withPlugin(kind: Kind, id: string, value: JsonObject): JsonObject {
  return kind === "plugin_metadata" ? { ...value, id } : value;
}

function withoutTimes({ create_time, update_time, ...rest }: JsonObject): JsonObject {
  return rest;
}
