import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGatewayError } from "@catena/errors";
import type { ConfigStore, Operation } from "../store.ts";
import { render, until, WatchRecorder } from "../watch-recorder.ts";
import { SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";

setDefaultTimeout(60_000);

let home = "";
let file = "";
const opened: SqliteStore[] = [];
const children: Bun.Subprocess[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "catena-sqlite-"));
  file = join(home, "store.db");
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  rmSync(home, { recursive: true, force: true });
});

function open(options?: SqliteStoreOptions, path = file): SqliteStore {
  const store = new SqliteStore(path, options);
  opened.push(store);
  return store;
}

function start(mode: string, prefix: readonly string[] = []) {
  const script = join(import.meta.dir, "writer.fixture.ts");
  const child = Bun.spawn([...prefix, process.execPath, script, mode, file], {
    stdout: "pipe",
    stderr: "inherit",
  });
  children.push(child);
  return child;
}

/** Waits for the first output of a child. */
async function firstLine(child: ReturnType<typeof start>): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value).trim();
}

const put = (key: string, value: string, ttlSeconds?: number): Operation => ({
  kind: "put",
  key,
  value,
  ...(ttlSeconds !== undefined && { ttlSeconds }),
});

async function write(store: ConfigStore, ...operations: Operation[]): Promise<number> {
  const result = await store.transact({ comparisons: [], operations });
  if (!result.committed) throw new Error("conflict");
  return result.revision;
}

async function failure(attempt: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await attempt();
  } catch (error) {
    if (isGatewayError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "no error", message: "" };
}

async function watched(store: ConfigStore, fromRevision = 1): Promise<WatchRecorder> {
  const seen = new WatchRecorder();
  store.watch("/a/", fromRevision, seen);
  await until("it is connected", () => seen.isConnected);
  return seen;
}

/** Makes a store with one key and leaves only the closed file behind. */
async function makeStore(path: string, value: string): Promise<void> {
  const store = new SqliteStore(path);
  await write(store, put("/a/1", value));
  await store.close();
}

describe("several processes", () => {
  test("a write of another process reaches a watcher here", async () => {
    const store = open();
    const seen = await watched(store);
    const child = start("once");
    await until("the child's write", () => seen.value("/a/child") === String(child.pid));
    expect(await child.exited).toBe(0);
    expect(seen.resets).toEqual([]);
  });

  test("processes that all create the file share one store, and lose no update", async () => {
    const counters = [start("count"), start("count"), start("count")];
    for (const child of counters) expect(await child.exited).toBe(0);
    expect((await open().get("/a/count"))?.value).toBe("150");
    expect(readdirSync(home).filter((name) => name.includes(".new-"))).toEqual([]);
  });

  test("a writer killed inside a transaction leaves nothing of it", async () => {
    const store = open({ lockTimeoutMs: 50 });
    const revision = await write(store, put("/a/1", "1"));
    const child = start("hold");
    expect(await firstLine(child)).toBe("holding");
    expect((await store.get("/a/1"))?.value).toBe("1");
    expect(await failure(() => write(store, put("/a/1", "2")))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("locked by another writer"),
    });
    child.kill("SIGKILL");
    await child.exited;
    expect(await store.get("/a/half")).toBeNull();
    expect(await write(store, put("/a/1", "2"))).toBe(revision + 1);
  });

  test("a writer killed at any point has written all of a transaction or none", async () => {
    const store = open();
    const seen = await watched(store);
    for (let round = 0; round < 8; round++) {
      const child = start("loop");
      expect(await firstLine(child)).toBe("looping");
      await Bun.sleep(round * 3);
      child.kill("SIGKILL");
      await child.exited;
      const { entries } = await store.list("/a/");
      expect(entries).toHaveLength(20);
      expect(new Set(entries.map(({ value }) => value)).size).toBe(1);
      expect(new Set(entries.map(({ modRevision }) => modRevision)).size).toBe(1);
    }
    for (const { changes } of seen.batches) expect(changes.length % 20).toBe(0);
    const revision = await write(store, put("/a/end", ""));
    await until("the end", () => seen.batches.at(-1)?.revision === revision);
    expect(seen.folded).toEqual(render((await open().list("/a/")).entries));
  });

  test("a write waits for another writer without blocking the process", async () => {
    const store = open();
    const other = new Database(file);
    other.run("BEGIN IMMEDIATE");
    const waiting = write(store, put("/a/1", "1"));
    await Bun.sleep(30);
    other.run("COMMIT");
    other.close();
    expect(await waiting).toBe(1);
  });
});

describe("opening", () => {
  test("a new file is readable by its owner only, and no draft is left", async () => {
    await open().close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(["store.db"]);
  });

  const corrupt = (offset: number, length: number) => () => {
    const handle = openSync(file, "r+");
    writeSync(handle, Buffer.alloc(length, 0x5a), 0, length, offset);
    closeSync(handle);
  };
  test.each([
    ["empty", () => truncateSync(file, 0), "empty"],
    ["text", () => writeFileSync(file, "routes: []\n"), "not an SQLite file"],
    ["shorter than a header", () => truncateSync(file, 40), "another program"],
    ["cut in half", () => truncateSync(file, statSync(file).size / 2), "SQLITE_CORRUPT"],
    ["garbled in its header", corrupt(0, 50), "not an SQLite file"],
    ["garbled in one page", corrupt(4096 * 3, 4096), "damaged"],
    [
      "another program's database",
      () => {
        unlinkSync(file);
        const database = new Database(file);
        database.run("CREATE TABLE routes (id)");
        database.close();
      },
      "another program",
    ],
    [
      "of a newer version",
      () => {
        const database = new Database(file);
        database.run("PRAGMA user_version = 9");
        database.close();
      },
      "schema version 9, expected 1",
    ],
    [
      "without its sentinel row",
      () => {
        const database = new Database(file);
        database.run("DELETE FROM store");
        database.close();
      },
      "sentinel",
    ],
  ])("a file that is %s is refused and left as it is", async (_name, spoil, reason) => {
    await makeStore(file, "1");
    spoil();
    const before = readFileSync(file);
    const { code, message } = await failure(() => open());
    expect(code).toBe("STORE_UNUSABLE");
    expect(message).toStartWith(`sqlite:${file} is not a usable store: `);
    expect(message).toContain(reason);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("a directory is refused, and a missing one is told", async () => {
    mkdirSync(join(home, "sub"));
    expect(await failure(() => open({}, join(home, "sub")))).toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining("not a regular file"),
    });
    expect(await failure(() => open({}, join(home, "none", "store.db")))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("ENOENT"),
    });
  });
});

describe("a file that changes under an open store", () => {
  test("deleted: told as such, and writes are refused instead of going nowhere", async () => {
    const store = open();
    await write(store, put("/a/1", "1"));
    const seen = await watched(store);
    unlinkSync(file);
    expect(await failure(() => write(store, put("/a/1", "2")))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("the file does not exist"),
    });
    await until("the loss is told", () => !seen.isConnected);
    expect(await failure(() => store.list("/a/"))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(seen.value("/a/1")).toBe("1");
    expect(readdirSync(home)).not.toContain("store.db");
  });

  test("deleted and put back: the watch goes on where it was", async () => {
    const store = open();
    await write(store, put("/a/1", "1"));
    const seen = await watched(store);
    renameSync(file, `${file}.away`);
    await until("the loss is told", () => !seen.isConnected);
    renameSync(`${file}.away`, file);
    await until("it is connected", () => seen.isConnected);
    const revision = await write(store, put("/a/1", "2"));
    await until("the change", () => seen.value("/a/1") === "2");
    expect(seen.batches.at(-1)?.revision).toBe(revision);
    expect(seen.resets).toEqual([]);
    expect(seen.states.map(({ kind }) => kind)).toEqual(["connected", "disconnected", "connected"]);
  });

  test("replaced by another store: the list comes as regressed", async () => {
    const [store, idle] = [open(), open()];
    await write(idle, put("/a/1", "old"), put("/a/2", "old"));
    await write(store, put("/a/1", "older"));
    const seen = await watched(store);
    const other = join(home, "other.db");
    await makeStore(other, "new");
    renameSync(other, file);
    await until("the list", () => seen.resets.length > 0);
    expect(seen.resets.map(({ reason }) => reason)).toEqual(["regressed"]);
    expect(seen.folded).toEqual(["/a/1=new created 1 modified 1"]);
    expect(await write(store, put("/a/1", "newer"))).toBe(2);
    await until("the change", () => seen.value("/a/1") === "newer");
    for (const handle of [idle, open(), store]) {
      expect((await handle.get("/a/1"))?.value).toBe("newer");
    }
    expect(await write(idle, put("/a/2", "newest"))).toBe(3);
    await until("the idle handle's write", () => seen.value("/a/2") === "newest");
  });

  test("replaced by an older copy of itself: the list comes as regressed", async () => {
    await makeStore(file, "yesterday");
    copyFileSync(file, `${file}.backup`);
    const store = open();
    await write(store, put("/a/1", "today"));
    const seen = await watched(store);
    renameSync(`${file}.backup`, file);
    await until("the list", () => seen.resets.length > 0);
    expect(seen.resets.map(({ reason }) => reason)).toEqual(["regressed"]);
    expect(seen.value("/a/1")).toBe("yesterday");
  });

  test.each([
    ["truncated to nothing", () => truncateSync(file, 0), "empty"],
    ["overwritten with text", () => writeFileSync(file, "x".repeat(5_000)), "not an SQLite file"],
    ["replaced by an empty file", () => renameSync(emptyFile(), file), "empty"],
    [
      "cut in half",
      () => {
        const handle = openSync(file, "r+");
        ftruncateSync(handle, 8_192);
        closeSync(handle);
      },
      "SQLITE_CORRUPT",
    ],
  ])("%s: never taken for a store without routes", async (_name, spoil, reason) => {
    await makeStore(file, "1");
    const store = open();
    const seen = await watched(store);
    spoil();
    await until("the loss is told", () => !seen.isConnected);
    const state = seen.states.at(-1);
    expect(state?.kind === "disconnected" && state.reason).toContain(reason);
    for (const attempt of [() => store.list("/a/"), () => write(store, put("/a/2", "2"))]) {
      expect(await failure(attempt)).toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining(reason),
      });
    }
    expect(seen.value("/a/1")).toBe("1");
    expect(seen.resets).toEqual([]);
    expect(seen.states.map(({ kind }) => kind)).toEqual(["connected", "disconnected"]);
  });

  test("a full disk fails the write with SQLite's reason, and reading goes on", async () => {
    await open().close();
    const child = start("fill", ["/bin/sh", "-c", 'ulimit -f 2000; trap "" XFSZ; exec "$@"', "sh"]);
    const output = await new Response(child.stdout).text();
    expect(output).toMatch(/^STORE_UNAVAILABLE .*does not answer: SQLITE_(FULL|IOERR)/);
    expect(output.trim()).toEndWith("true");
    expect(await child.exited).toBe(0);
  });

  function emptyFile(): string {
    const path = join(home, "empty");
    writeFileSync(path, "");
    return path;
  }
});

describe("the change log", () => {
  test("a watch from before what is kept is given the list", async () => {
    const store = open({ logMaxChanges: 20 });
    for (let i = 0; i < 60; i++) await write(store, put(`/a/${i % 4}`, String(i)));
    const seen = await watched(open(), 2);
    expect(seen.resets.map(({ reason }) => reason)).toEqual(["compacted"]);
    expect(seen.folded).toEqual(render((await store.list("/a/")).entries));
    const recent = await watched(open(), 51);
    expect(recent.resets).toEqual([]);
    expect(recent.changes).toHaveLength(10);
  });

  test.each([
    ["changes", { logMaxChanges: 20 }],
    ["bytes", { logMaxBytes: 20 * 1_004 }],
  ])("is bounded by %s", async (_name, limits) => {
    const store = open(limits);
    for (let i = 0; i < 200; i++) await write(store, put("/a/1", "x".repeat(1_000)));
    await store.close();
    const database = new Database(file);
    const kept = database
      .query("SELECT count(*) AS n, sum(size_bytes) AS bytes, min(revision) AS oldest FROM changes")
      .get();
    const counted = database
      .query(
        "SELECT log_changes AS n, log_bytes AS bytes, compacted_revision + 1 AS oldest FROM store",
      )
      .get();
    database.close();
    expect(kept).toEqual(counted);
    const { n } = kept as { n: number };
    expect(n).toBeGreaterThanOrEqual(17);
    expect(n).toBeLessThanOrEqual(20);
  });

  test("a transaction larger than the log is kept whole", async () => {
    const store = open({ logMaxChanges: 5 });
    const seen = await watched(store);
    await write(store, ...Array.from({ length: 50 }, (_, i) => put(`/a/${i}`, "1")));
    await until("all of it", () => seen.changes.length === 50);
    expect(seen.batches).toHaveLength(1);
  });
});

describe("TTL by the clock", () => {
  test("a due key is hidden from reads, compares as absent and is deleted by the next write", async () => {
    let nowMs = 1_000_000;
    const store = open({ clock: () => nowMs });
    const created = await write(store, put("/a/1", "1", 60));
    nowMs += 59_999;
    expect((await store.get("/a/1"))?.value).toBe("1");
    nowMs += 1;
    expect(await store.get("/a/1")).toBeNull();
    expect(await store.list("/a/")).toEqual({ entries: [], revision: created });
    const result = await store.transact({
      comparisons: [{ key: "/a/1", modRevision: 0 }],
      operations: [put("/a/1", "2")],
    });
    expect(result).toEqual({ committed: true, revision: created + 2 });
    const seen = await watched(store, created + 1);
    expect(seen.changes.map(({ kind }) => kind)).toEqual(["delete", "put"]);
    expect(seen.value("/a/1")).toBe("2");
  });
});
