import { isGatewayError } from "@catena/errors";
import { deployOrder, formatKey, isJsonObject, type JsonObject, parseKey } from "@catena/schema";
import type { Comparison, Operation, StoreEntry } from "@catena/store";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import {
  type ConfigItem,
  checkItem,
  type Directory,
  describeIdentity,
  directories,
  directoryOf,
} from "./directories.ts";
import {
  readState,
  type StandaloneState,
  stateKey,
  versionsOf,
  writeState,
} from "./standalone-state.ts";

const maxAttempts = 16;

/** Operations and bytes of one transaction where a store cannot take them all; etcd: 128, 1.5 MiB. */
const batchOperations = 100;
const batchBytes = 1_000_000;

/**
 * Makes the stored resources those of a configuration, directory by directory: one whose version is
 * the present one stays as it is. What did not change is not written, so that nothing is rebuilt for
 * it. One transaction; a store that cannot take it gets several, first what is pointed at, and the
 * digest last, so that a client that repeats itself gets done what was left.
 *
 * @returns the new state, or `null` when the digest is that of the present configuration
 * @throws ADMIN_RESOURCE_INVALID, ADMIN_CONFLICT, STORE_*
 */
export async function replaceConfig(
  context: AdminContext,
  config: JsonObject,
  digest: string,
): Promise<StandaloneState | null> {
  const { store, prefix } = context;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { entries } = await store.list(`${prefix}/`);
    const entry = entries.find(({ key }) => key === stateKey(prefix)) ?? null;
    const present = readState(entry);
    if (present.digest === digest) return null;
    const versions = versionsOf((directory) => nextVersion(directory, config, present));
    const replaced = directories.filter((name) => versions[name] !== present.versions[name]);
    const wanted = new Map<string, ConfigItem>();
    for (const directory of replaced) collectItems(context, directory, config, wanted);
    const state: StandaloneState = {
      digest,
      lastModified: context.nowSeconds(),
      versions,
      modifiedIndexes: nextIndexes(config, present, replaced),
    };
    const operations = planOperations(context, entries, replaced, wanted);
    const guard = { key: stateKey(prefix), modRevision: entry?.modRevision ?? 0 };
    const last: Operation = { kind: "put", key: guard.key, value: writeState(state) };
    if (await apply(context, operations, last, guard)) return state;
  }
  throw adminErrors.ADMIN_CONFLICT({ key: stateKey(prefix) });
}

function nextVersion(directory: Directory, config: JsonObject, present: StandaloneState): number {
  const name = `${directory}_conf_version`;
  const current = present.versions[directory];
  const given = config[name];
  if (given === undefined) return current + 1;
  if (typeof given !== "number") throw invalid(`${name} must be a number`);
  if (given < current) throw invalid(`${name} must be greater than or equal to (${current})`);
  return given;
}

function collectItems(
  context: AdminContext,
  directory: Directory,
  config: JsonObject,
  wanted: Map<string, ConfigItem>,
): void {
  const seen = new Set<string>();
  for (const [index, given] of listOf(config, directory).entries()) {
    const { item, error } = checkItem(context, directory, given, index);
    if (error !== undefined) throw invalid(`invalid ${directory} at index ${index}, err: ${error}`);
    const identity = describeIdentity(directory, given);
    const key = item === null ? null : formatKey(item, context.prefix);
    if ((identity !== null && seen.has(identity)) || (key !== null && wanted.has(key))) {
      throw invalid(`found duplicate ${identity ?? item?.id} in ${directory}`);
    }
    if (identity !== null) seen.add(identity);
    if (item !== null && key !== null) wanted.set(key, item);
  }
}

/** An empty object is an empty list to APISIX; whatever is no list counts as one too. */
function listOf(config: JsonObject, directory: Directory): readonly unknown[] {
  const list = config[directory];
  return Array.isArray(list) ? list : [];
}

function nextIndexes(
  config: JsonObject,
  present: StandaloneState,
  replaced: readonly Directory[],
): Readonly<Record<string, number>> {
  const kept = Object.entries(present.modifiedIndexes).filter(
    ([name]) => !replaced.some((directory) => name.startsWith(`${directory}/`)),
  );
  const given = replaced.flatMap((directory) =>
    listOf(config, directory).flatMap((item) => {
      if (!isJsonObject(item) || typeof item["modifiedIndex"] !== "number") return [];
      const id = item["id"] ?? item["username"];
      return [[`${directory}/${String(id)}`, item["modifiedIndex"]] as const];
    }),
  );
  return Object.fromEntries([...kept, ...given]);
}

function planOperations(
  { prefix, cipher }: AdminContext,
  entries: readonly StoreEntry[],
  replaced: readonly Directory[],
  wanted: ReadonlyMap<string, ConfigItem>,
): readonly Operation[] {
  const stored = new Map(entries.map(({ key, value }) => [key, value]));
  const puts = [...wanted].flatMap(([key, { kind, document }]) => {
    const value = JSON.stringify(cipher.encrypt(kind, document));
    return stored.get(key) === value
      ? []
      : [{ kind, operation: { kind: "put", key, value } as const }];
  });
  const deletes = entries.flatMap(({ key }) => {
    const parsed = parseKey(key, prefix);
    if (parsed.type !== "resource" || wanted.has(key)) return [];
    const isReplaced = replaced.includes(directoryOf(parsed.kind));
    return isReplaced ? [{ kind: parsed.kind, operation: { kind: "delete", key } as const }] : [];
  });
  const order = (kind: ConfigItem["kind"]) => deployOrder.indexOf(kind);
  return [
    ...puts.sort((a, b) => order(a.kind) - order(b.kind)),
    ...deletes.sort((a, b) => order(b.kind) - order(a.kind)),
  ].map(({ operation }) => operation);
}

/** @returns whether it was applied; otherwise somebody else's configuration came in between. */
async function apply(
  { store }: AdminContext,
  operations: readonly Operation[],
  last: Operation,
  guard: Comparison,
): Promise<boolean> {
  try {
    const whole = { comparisons: [guard], operations: [...operations, last] };
    return (await store.transact(whole)).committed;
  } catch (error) {
    if (!isGatewayError(error, "STORE_TOO_LARGE")) throw error;
  }
  for (const batch of toBatches(operations)) {
    if (!(await store.transact({ comparisons: [guard], operations: batch })).committed)
      return false;
  }
  return (await store.transact({ comparisons: [guard], operations: [last] })).committed;
}

function toBatches(operations: readonly Operation[]): readonly (readonly Operation[])[] {
  const batches: Operation[][] = [];
  let batch: Operation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const size = operation.kind === "put" ? Buffer.byteLength(operation.value) : 0;
    if (batch.length === batchOperations || (batch.length > 0 && bytes + size > batchBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(operation);
    bytes += size;
  }
  return batch.length === 0 ? batches : [...batches, batch];
}

function invalid(reason: string): Error {
  return adminErrors.ADMIN_REQUEST_INVALID({ reason });
}
