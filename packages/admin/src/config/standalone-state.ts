import { isJsonObject } from "@catena/schema";
import type { StoreEntry } from "@catena/store";
import { parseStored } from "../resource/stored-item.ts";
import { type Directory, directories } from "./directories.ts";

/** What is known of the last whole configuration that was taken, beside the resources themselves. */
export interface StandaloneState {
  /** `X-Digest` it came with; `null` before the first. */
  readonly digest: string | null;
  /** Seconds since 1970. */
  readonly lastModified: number | null;
  readonly versions: Readonly<Record<Directory, number>>;
  /** What items said their own version is, by `DIRECTORY/ID`. */
  readonly modifiedIndexes: Readonly<Record<string, number>>;
}

/** The key it is stored at; no resource has such a key. */
export function stateKey(prefix: string): string {
  return `${prefix}/standalone_state`;
}

/** Reads the state; a value that is missing or broken counts as no configuration yet. */
export function readState(entry: StoreEntry | null): StandaloneState {
  const stored = (entry === null ? null : parseStored(entry.value)) ?? {};
  const { digest, last_modified, versions, modified_indexes } = stored;
  return {
    digest: typeof digest === "string" ? digest : null,
    lastModified: typeof last_modified === "number" ? last_modified : null,
    versions: versionsOf((directory) => numbersOf(versions)[directory] ?? 0),
    modifiedIndexes: numbersOf(modified_indexes),
  };
}

export function writeState(state: StandaloneState): string {
  return JSON.stringify({
    digest: state.digest,
    last_modified: state.lastModified,
    versions: state.versions,
    modified_indexes: state.modifiedIndexes,
  });
}

/** A number for every directory. */
export function versionsOf(
  versionOf: (directory: Directory) => number,
): Readonly<Record<Directory, number>> {
  const versions = directories.map((directory) => [directory, versionOf(directory)]);
  // Every directory is in the list the entries are made from.
  return Object.fromEntries(versions) as Record<Directory, number>;
}

function numbersOf(value: unknown): Readonly<Record<string, number>> {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
