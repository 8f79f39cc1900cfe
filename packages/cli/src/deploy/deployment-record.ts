import type { ConfigStore, StagedItem, StoreEntry } from "@catena/store";

/**
 * What a deploy wrote, kept beside APISIX's key space so that a real APISIX never sees it. It is how
 * `--prune` tells what these configs once made from what others put there.
 */
export interface DeploymentRecord {
  readonly keys: readonly string[];
  /** The entries it was read from, its head first; none when nothing was deployed by this name yet. */
  readonly entries: readonly StoreEntry[];
}

const recordPrefix = "/catena/deployments";

/** Keys of one part; with ids of the usual length well below what etcd takes as one value. */
const keysPerPart = 5_000;

/** What names a set of configs: it becomes part of a key. */
export const deploymentName = /^[A-Za-z0-9._-]{1,64}$/;

/** @throws STORE_UNAVAILABLE */
export async function readRecord(store: ConfigStore, name: string): Promise<DeploymentRecord> {
  const head = await store.get(headKey(name));
  if (head === null) return { keys: [], entries: [] };
  const parts = await store.list(`${headKey(name)}/`);
  const entries = [head, ...parts.entries];
  return { keys: entries.flatMap(({ value }) => parseKeys(value)), entries };
}

/**
 * What to write so that the record names these keys; nothing when it does already.
 *
 * @param now Unix seconds
 */
export function planRecord(
  name: string,
  keys: readonly string[],
  record: DeploymentRecord,
  now: number,
): readonly StagedItem[] {
  const sorted = [...keys].sort();
  if (Bun.deepEquals(sorted, [...record.keys].sort()) && record.entries.length > 0) return [];
  const bases = new Map(record.entries.map(({ key, modRevision }) => [key, modRevision]));
  const items: StagedItem[] = [];
  const put = (key: string, value: object) => {
    items.push({ key, base: bases.get(key) ?? 0, value: JSON.stringify(value) });
    bases.delete(key);
  };
  // The head is always written: it is what two deploys of one name meet on.
  put(headKey(name), { v: 1, time: now, keys: sorted.slice(0, keysPerPart) });
  for (let at = keysPerPart; at < sorted.length; at += keysPerPart) {
    const part = String(at / keysPerPart).padStart(4, "0");
    put(`${headKey(name)}/${part}`, { v: 1, keys: sorted.slice(at, at + keysPerPart) });
  }
  for (const [key, base] of bases) items.push({ key, base, value: null });
  return items;
}

function headKey(name: string): string {
  return `${recordPrefix}/${name}`;
}

/** A record that can't be read owns nothing: then nothing is pruned. */
function parseKeys(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("keys" in value)) return [];
    return Array.isArray(value.keys) ? value.keys.filter((key) => typeof key === "string") : [];
  } catch {
    return [];
  }
}
