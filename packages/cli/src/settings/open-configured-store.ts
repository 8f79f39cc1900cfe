import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type ConfigStore, openStore } from "@catena/store";

/**
 * Opens the store the settings name; the folder of an SQLite file is made when it is missing.
 *
 * @throws STORE_URL_INVALID, STORE_UNUSABLE, STORE_UNAVAILABLE
 */
export function openConfiguredStore(url: string): ConfigStore {
  const file = url.startsWith("sqlite:") ? url.slice("sqlite:".length) : "";
  if (file !== "") mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return openStore(url);
}
