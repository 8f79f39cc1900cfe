import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeStore } from "../store.conformance.ts";
import { SqliteStore } from "./sqlite-store.ts";

describeStore("SQLite", async () => {
  const home = mkdtempSync(join(tmpdir(), "catena-sqlite-"));
  const file = join(home, "store.db");
  return {
    connect: () => new SqliteStore(file),
    stop: async () => rmSync(home, { recursive: true, force: true }),
  };
});
