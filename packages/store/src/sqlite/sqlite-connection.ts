import type { Database } from "bun:sqlite";
import type { Stats } from "node:fs";
import { describeFailure, FileProblem, isDamage, isLocked } from "./sqlite-errors.ts";
import { checkHeader, createFile, type OpenFile, openFile, statOf } from "./sqlite-file.ts";

/** How long a file that was found unusable is left alone before it is opened and checked again. */
const reopenIntervalMs = 200;

/**
 * The one connection of a store to its file. It notices when the path no longer leads to the file it
 * has open (writes would succeed into nothing) and when the content was overwritten from outside,
 * then lets go of it and opens what is there, provided that it is a store.
 */
export class SqliteConnection {
  readonly #path: string;
  #file: OpenFile | null;
  #seen: Stats;
  #problem: FileProblem | null = null;
  #retryAtMs = 0;
  #dataVersion = -1;
  /** `data_version` after our last commit that the file itself does not hold yet. */
  #unsettledVersion: number | null = null;

  /** @throws FileProblem, or SQLite's error when the file is locked */
  constructor(path: string) {
    this.#path = path;
    createFile(path);
    this.#file = openFile(path);
    this.#seen = this.#file.stats;
  }

  /**
   * Gives the database, reopened when the file was replaced.
   *
   * @throws FileProblem while there is no usable file
   */
  use(): OpenFile {
    if (this.#file !== null) this.#checkUnchanged(this.#file);
    if (this.#file !== null) return this.#file;
    return this.#reopen();
  }

  /**
   * Makes sure that what was just committed to `file` is what the path leads to.
   *
   * @throws FileProblem when the file was deleted or replaced meanwhile
   */
  confirm(file: OpenFile): void {
    this.#checkUnchanged(file);
    if (this.#file !== file) {
      throw new FileProblem("replaced", "the file was deleted or replaced during the write");
    }
  }

  /** Whether another connection has committed, or the file was reopened, since the last call. */
  hasNews(database: Database): boolean {
    const version = readDataVersion(database);
    if (version === this.#dataVersion) return false;
    this.#dataVersion = version;
    return true;
  }

  /** Lets go of a file whose content turned out damaged; other failures leave it open. */
  report(error: unknown): void {
    if (isDamage(error)) this.#drop(new FileProblem("unusable", describeFailure(error), error));
  }

  /** Remembers that there is something to {@link settle}. */
  noteCommit(file: OpenFile): void {
    try {
      this.#unsettledVersion = readDataVersion(file.database);
    } catch {
      // The commit stands whatever happens now; NaN equals no version.
      this.#unsettledVersion = Number.NaN;
    }
  }

  /**
   * Moves what was committed here from the write-ahead log into the file. The log is found by path:
   * when the file is replaced, SQLite takes what the log still holds for the newcomer's and lays it
   * over its pages. So it is kept empty but for moments, and emptied once more when we see that the
   * file is gone, unless someone may have begun to write to the newcomer.
   */
  settle(): void {
    const file = this.#file;
    const version = this.#unsettledVersion;
    if (file === null || version === null) return;
    this.#unsettledVersion = null;
    try {
      const stats = statOf(this.#path);
      if (!isSameFile(stats, file.stats) && readDataVersion(file.database) !== version) return;
      file.database.query("PRAGMA wal_checkpoint(TRUNCATE)").all();
    } catch (error) {
      this.report(error);
    }
  }

  close(): void {
    this.#file?.database.close();
    this.#file = null;
  }

  #checkUnchanged(file: OpenFile): void {
    const stats = statOf(this.#path);
    if (stats === null || !isSameFile(stats, file.stats)) {
      this.settle();
      this.#drop(
        stats === null
          ? new FileProblem("missing", "the file was deleted")
          : new FileProblem("replaced", "the file was replaced"),
      );
    } else if (stats.mtimeMs !== this.#seen.mtimeMs || stats.size !== this.#seen.size) {
      this.#checkRewritten(stats);
    }
  }

  /** A checkpoint of any process also ends up here, so the look has to be cheap. */
  #checkRewritten(stats: Stats): void {
    try {
      checkHeader(this.#path);
      if (stats.size < this.#seen.size) {
        this.#drop(new FileProblem("replaced", "the file has shrunk"));
      }
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      this.#drop(error);
    }
    this.#seen = stats;
  }

  #drop(problem: FileProblem): void {
    this.close();
    this.#problem = problem;
    // A replaced file is usually good, and a missing one costs only a look; both are tried at once.
    const isTriedAtOnce = problem.kind === "replaced" || problem.kind === "missing";
    this.#retryAtMs = isTriedAtOnce ? 0 : performance.now() + reopenIntervalMs;
  }

  #reopen(): OpenFile {
    if (this.#problem !== null && performance.now() < this.#retryAtMs) throw this.#problem;
    try {
      const file = openFile(this.#path);
      this.#file = file;
      this.#seen = file.stats;
      this.#problem = null;
      this.#dataVersion = -1;
      return file;
    } catch (error) {
      if (isLocked(error)) throw error;
      const problem =
        error instanceof FileProblem ? error : new FileProblem("failing", describeFailure(error));
      this.#drop(problem);
      throw problem;
    }
  }
}

function isSameFile(found: Stats | null, known: Stats): boolean {
  return found !== null && found.ino === known.ino && found.dev === known.dev;
}

function readDataVersion(database: Database): number {
  const row = database.query<{ data_version: number }, []>("PRAGMA data_version").get();
  return row?.data_version ?? -1;
}
