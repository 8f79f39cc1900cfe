// Runs as a process of its own: bun writer.fixture.ts MODE FILE
import { Database } from "bun:sqlite";
import { isGatewayError } from "@catena/errors";
import { SqliteStore } from "./sqlite-store.ts";

const [, , mode = "", file = ""] = process.argv;
const say = (line: string) => process.stdout.write(`${line}\n`);
const put = (key: string, value: string) => ({ kind: "put", key, value }) as const;

switch (mode) {
  // Writes once and leaves.
  case "once": {
    const store = new SqliteStore(file);
    await store.transact({ comparisons: [], operations: [put("/a/child", String(process.pid))] });
    await store.close();
    break;
  }
  // Counts up with compare-and-set, 50 times.
  case "count": {
    const store = new SqliteStore(file);
    for (let done = 0; done < 50; ) {
      const entry = await store.get("/a/count");
      const result = await store.transact({
        comparisons: [{ key: "/a/count", modRevision: entry?.modRevision ?? 0 }],
        operations: [put("/a/count", String(Number(entry?.value ?? 0) + 1))],
      });
      if (result.committed) done += 1;
    }
    await store.close();
    break;
  }
  // Holds an open transaction with rows in it until it is killed.
  case "hold": {
    const database = new Database(file);
    database.run("BEGIN IMMEDIATE");
    database.run("INSERT INTO entries VALUES ('/a/half', 'x', 99, 99, NULL)");
    database.run("UPDATE store SET revision = 99");
    say("holding");
    // Unreferenced, it would be collected, which rolls back.
    setInterval(() => database.inTransaction, 1_000);
    break;
  }
  // Writes the same number to twenty keys, again and again, until it is killed.
  case "loop": {
    const store = new SqliteStore(file);
    for (let round = 0; ; round++) {
      const operations = Array.from({ length: 20 }, (_, i) => put(`/a/${i}`, String(round)));
      await store.transact({ comparisons: [], operations });
      if (round === 0) say("looping");
    }
  }
  // Writes until the store refuses, then says how, and whether reading still works.
  case "fill": {
    const store = new SqliteStore(file);
    try {
      for (let i = 0; ; i++) {
        await store.transact({ comparisons: [], operations: [put(`/a/${i}`, "x".repeat(50_000))] });
      }
    } catch (error) {
      say(isGatewayError(error) ? `${error.code} ${error.message}` : String(error));
    }
    const { entries, revision } = await store.list("/a/");
    say(`${entries.length === revision}`);
    process.exit(0);
  }
}
