import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EtcdServer, startEtcd } from "@catena/testkit";

/** A store of one kind, started for one test file. */
export interface StoreBed {
  readonly url: string;
  stop(): Promise<void>;
}

/** The stores every end-to-end suite is run against. */
export const storeKinds: readonly { readonly name: string; start(): Promise<StoreBed> }[] = [
  { name: "SQLite", start: startSqlite },
  { name: "etcd", start: startEtcdBed },
];

/** An SQLite file in a folder of its own. */
export async function startSqlite(): Promise<StoreBed> {
  const folder = mkdtempSync(join(tmpdir(), "catena-e2e-"));
  return {
    url: `sqlite:${join(folder, "catena.db")}`,
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startEtcdBed(): Promise<StoreBed> {
  const server: EtcdServer = await startEtcd();
  return { url: server.url, stop: () => server.stop() };
}
