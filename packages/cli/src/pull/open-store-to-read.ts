import { existsSync } from "node:fs";
import { type ConfigStore, openStore } from "@catena/store";
import { pullErrors } from "./write-files.ts";

/**
 * Opens a store that something is expected in: an SQLite file that is not there is not made.
 *
 * @throws PULL_NO_STORE, STORE_URL_INVALID, STORE_UNUSABLE, STORE_UNAVAILABLE
 */
export function openStoreToRead(url: string): ConfigStore {
  const file = url.startsWith("sqlite:") ? url.slice("sqlite:".length) : "";
  if (file !== "" && file !== ":memory:" && !existsSync(file)) {
    throw pullErrors.PULL_NO_STORE({ file });
  }
  return openStore(url);
}
