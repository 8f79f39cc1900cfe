import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigStore, openStore } from "@catena/store";
import { startEtcd } from "@catena/testkit";

/** A store that was started for one test file. */
export interface StoreBed {
  readonly store: ConfigStore;
  /** Closes the store and removes its data. */
  stop(): Promise<void>;
}

/** The stores each suite is run against. */
export const storeBeds: readonly (readonly [name: string, start: () => Promise<StoreBed>])[] = [
  ["SQLite", startSqlite],
  ["etcd", startEtcdBed],
];

/** An SQLite file in a folder of its own. */
export async function startSqlite(): Promise<StoreBed> {
  const folder = mkdtempSync(join(tmpdir(), "catena-admin-"));
  const store = openStore(`sqlite:${join(folder, "catena.db")}`);
  return {
    store,
    stop: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startEtcdBed(): Promise<StoreBed> {
  const etcd = await startEtcd();
  const store = openStore(etcd.url);
  return {
    store,
    stop: async () => {
      await store.close();
      await etcd.stop();
    },
  };
}
