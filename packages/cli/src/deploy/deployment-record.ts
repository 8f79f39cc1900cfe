import type { ConfigStore, StoreEntry } from "@catena/store";

/**
 * What a deploy wrote, kept beside APISIX's key space so that a real APISIX never sees it. It is how
 * `--prune` tells what these configs once made from what others put there.
 */
export interface DeploymentRecord {
  readonly keys: readonly string[];
  /** The entry it was read from; `null` when nothing was deployed under this name yet. */
  readonly entry: StoreEntry | null;
}

const recordPrefix = "/catena/deployments";

export function recordKey(name: string): string {
  return `${recordPrefix}/${name}`;
}

/** @throws STORE_UNAVAILABLE */
export async function readRecord(store: ConfigStore, name: string): Promise<DeploymentRecord> {
  const entry = await store.get(recordKey(name));
  if (entry === null) return { keys: [], entry };
  return { keys: parseKeys(entry.value), entry };
}

export function writeRecord(keys: readonly string[], now: number): string {
  return JSON.stringify({ v: 1, keys: [...keys].sort(), time: now });
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
