import {
  type FieldCipher,
  formatKey,
  formatName,
  isJsonObject,
  type JsonObject,
  type Kind,
  kinds,
  parseKey,
  type ResourceKey,
} from "@catena/schema";
import type { StagedItem, StoreEntry } from "@catena/store";
import { diffValues, type FieldChange } from "./diff-values.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** A resource as configs give it. */
export interface LocalResource extends ResourceKey {
  readonly value: JsonObject;
}

export interface PlannedChange {
  readonly action: "create" | "update" | "delete";
  readonly key: string;
  /** `routes/checkout` */
  readonly name: string;
  /** With secrets masked. */
  readonly fields: readonly FieldChange[];
}

/** What a deploy would do; pure data, made without touching the store. */
export interface DeployPlan {
  readonly changes: readonly PlannedChange[];
  readonly unchanged: number;
  /** Deployed earlier from these configs and no longer in them; deleted only with `--prune`. */
  readonly orphans: readonly string[];
  /** What to write, each with the revision it was planned against. */
  readonly items: readonly StagedItem[];
}

export interface PlanInput {
  readonly resources: readonly LocalResource[];
  /** Everything under the prefix, as listed. */
  readonly stored: readonly StoreEntry[];
  /** Keys an earlier deploy of the same name wrote. */
  readonly deployed: readonly string[];
  readonly prefix: string;
  readonly prune: boolean;
  /** Decrypts what is stored and encrypts what is written. */
  readonly cipher: FieldCipher;
  /** Unix seconds, for `create_time` and `update_time`. */
  readonly now: number;
}

/** Fields the store's book-keeping adds; never part of a comparison. */
const bookkeeping = new Set(["id", "create_time", "update_time"]);

/**
 * Compares what configs say with what is stored. Only resources whose content differs are written;
 * every write names the revision it was planned against, so that a change by someone else in between
 * makes the whole deploy fail instead of being overwritten. What is stored in the clear, or encrypted
 * with an old key, although its fields are secret, is written anew.
 */
export function planChanges(input: PlanInput): DeployPlan {
  const { prefix, cipher } = input;
  const stored = new Map(input.stored.map((entry) => [entry.key, entry]));
  const changes: PlannedChange[] = [];
  const items: StagedItem[] = [];
  const wanted = new Set<string>();
  let unchanged = 0;
  for (const resource of input.resources) {
    const key = formatKey(resource, prefix);
    wanted.add(key);
    const entry = stored.get(key);
    const before = entry === undefined ? null : parseStored(entry.value);
    const written = encrypt(resource, cipher);
    const differ = diffValues(strip(before ?? {}), strip(written));
    if (before !== null && differ.length === 0) {
      unchanged++;
      continue;
    }
    changes.push({
      action: entry === undefined ? "create" : "update",
      key,
      name: formatName(resource),
      fields: describe(resource, differ, before ?? {}, cipher),
    });
    const value = toStored(resource, written, before, input.now);
    items.push({ key, base: entry?.modRevision ?? 0, value });
  }
  const orphans = input.deployed.filter((key) => !wanted.has(key) && stored.has(key));
  if (input.prune) {
    for (const key of orphans) {
      changes.push({ action: "delete", key, name: nameOf(key, prefix), fields: [] });
      items.push({ key, base: stored.get(key)?.modRevision ?? 0, value: null });
    }
  }
  return {
    changes,
    unchanged,
    orphans: input.prune ? [] : orphans.map((key) => nameOf(key, prefix)),
    items,
  };
}

/** `routes/checkout`; of a key that is no resource's, what comes after the prefix. */
function nameOf(key: string, prefix: string): string {
  const parsed = parseKey(key, prefix);
  return parsed.type === "resource" ? formatName(parsed) : key.slice(prefix.length + 1);
}

/** Which fields differ, and what they say in the clear; secret ones are masked. */
function describe(
  { kind, value }: LocalResource,
  differ: readonly FieldChange[],
  before: JsonObject,
  cipher: FieldCipher,
): readonly FieldChange[] {
  const decrypted = cipher.decryptAll(kind, before);
  const inTheClear = new Map(
    diffValues(strip(decrypted), strip(value)).map((change) => [change.path, change]),
  );
  // Of what differs in the store alone there is nothing to show but that it does.
  const fields = differ.map((change) => inTheClear.get(change.path) ?? change);
  return withoutSecrets(kind, fields, decrypted, value);
}

function encrypt({ kind, id, value }: LocalResource, cipher: FieldCipher): JsonObject {
  return cipher.encrypt(kind, kind === "plugin_metadata" ? { ...value, id } : value);
}

/** The stored text: what configs say plus APISIX's book-keeping (apisix/admin/resource.lua). */
function toStored(
  { kind, id }: LocalResource,
  given: JsonObject,
  before: JsonObject | null,
  now: number,
): string {
  const value: Record<string, unknown> = { ...given };
  if (kinds[kind].hasId) value["id"] = ownId(kind, id);
  if (kinds[kind].hasTimes) {
    value["create_time"] = before?.["create_time"] ?? now;
    value["update_time"] = now;
  }
  return JSON.stringify(value);
}

/**
 * The `id` member: of a credential, the last part of the one it has among all. A secret keeps its
 * manager's name in it, without which APISIX refuses the item (apisix/secret.lua, check_secret).
 */
function ownId(kind: Kind, id: string): string {
  return kind === "credentials" ? id.slice(id.lastIndexOf("/") + 1) : id;
}

function strip(value: JsonObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !bookkeeping.has(key)));
}

/** `null` for what is not a JSON object: it will be replaced as a whole. */
function parseStored(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
