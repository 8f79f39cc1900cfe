import { Database } from "bun:sqlite";
import { randomBytes, randomUUID } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { describeFailure, FileProblem, isLocked } from "./sqlite-errors.ts";
import { applicationId, schemaSql, schemaVersion } from "./sqlite-schema.ts";

/** A checked, open store file. */
export interface OpenFile {
  readonly database: Database;
  readonly storeId: string;
  readonly stats: Stats;
}

const magic = "SQLite format 3\0";
const headerBytes = 100;
const applicationIdOffset = 68;
/** Opening cannot wait asynchronously; another process that recovers the file holds it for moments. */
const openBusyTimeoutMs = 1_000;
/** Longest time a statement may block the event loop for a lock; longer waits are asynchronous. */
const busyTimeoutMs = 10;

/**
 * Creates a store unless something is there already. The file appears at its path complete: another
 * process that opens it at the same moment never sees a half-made one.
 *
 * @throws FileProblem
 */
export function createFile(path: string): void {
  if (statOf(path) !== null) return;
  const draft = `${path}.new-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    closeSync(openSync(draft, "wx", 0o600));
    const database = new Database(draft, { readwrite: true, create: false });
    try {
      database.run("PRAGMA journal_mode = WAL");
      database.run(`PRAGMA application_id = ${applicationId}`);
      database.run(`PRAGMA user_version = ${schemaVersion}`);
      database.run("BEGIN");
      database.run(schemaSql);
      database.run("INSERT INTO store VALUES (1, ?, 0, 0, 0, 0)", [randomUUID()]);
      database.run("COMMIT");
    } finally {
      database.close();
    }
    linkSync(draft, path);
  } catch (error) {
    // Another process was first; its file is as good as ours.
    if (statOf(path) === null) {
      throw new FileProblem("failing", `cannot be created: ${describeFailure(error)}`, error);
    }
  } finally {
    rmSync(draft, { force: true });
    for (const suffix of ["-wal", "-shm"]) {
      if (statOf(draft + suffix) !== null) unlinkSync(draft + suffix);
    }
  }
}

/**
 * Opens an existing store. A file that is empty, foreign or damaged is refused before anything could
 * write to it.
 *
 * @throws FileProblem
 */
export function openFile(path: string): OpenFile {
  const stats = checkHeader(path);
  let database: Database | undefined;
  try {
    database = new Database(path, { readwrite: true, create: false });
    database.run(`PRAGMA busy_timeout = ${openBusyTimeoutMs}`);
    // An acknowledged deploy survives a power cut; measured at 0.19 ms a transaction against 0.02.
    database.run("PRAGMA synchronous = FULL");
    const storeId = checkContent(database);
    database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    return { database, storeId, stats };
  } catch (error) {
    database?.close();
    if (error instanceof FileProblem || isLocked(error)) throw error;
    throw new FileProblem("unusable", describeFailure(error), error);
  }
}

/**
 * Looks at a file without opening it as a database, which could already write beside it.
 *
 * @throws FileProblem
 */
export function checkHeader(path: string): Stats {
  const stats = statOf(path);
  if (stats === null) throw new FileProblem("missing", "the file does not exist");
  if (!stats.isFile()) throw new FileProblem("unusable", "it is not a regular file");
  if (stats.size === 0) throw new FileProblem("unusable", "the file is empty (0 bytes)");
  const header = readHeader(path);
  if (header.toString("latin1", 0, magic.length) !== magic) {
    throw new FileProblem("unusable", "it is not an SQLite file");
  }
  if (header.readUInt32BE(applicationIdOffset) !== applicationId) {
    throw new FileProblem("unusable", "it is an SQLite file of another program");
  }
  return stats;
}

/** @returns `null` when nothing is there */
export function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  try {
    const file = openSync(path, "r");
    try {
      readSync(file, header, 0, headerBytes, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new FileProblem("failing", describeFailure(error), error);
  }
  return header;
}

function checkContent(database: Database): string {
  const check = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
  if (check?.quick_check !== "ok") {
    throw new FileProblem("unusable", `damaged: ${check?.quick_check ?? "quick_check is silent"}`);
  }
  const version = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  if (version?.user_version !== schemaVersion) {
    throw new FileProblem(
      "unusable",
      `it has schema version ${version?.user_version}, expected ${schemaVersion}`,
    );
  }
  const row = database.query<{ store_id: string }, []>("SELECT store_id FROM store").get();
  if (row === null) throw new FileProblem("unusable", "its sentinel row is gone");
  return row.store_id;
}
