import { SQLiteError } from "bun:sqlite";

/** Why the file cannot be used right now; `cause` groups reasons that mean the same. */
export class FileProblem extends Error {
  readonly kind: "missing" | "replaced" | "unusable" | "failing";

  constructor(kind: FileProblem["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Another connection holds a lock; the same attempt succeeds once it is gone. */
export function isLocked(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? "");
}

/** The content is not what SQLite expects; the connection's view of it is worth nothing. */
export function isDamage(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? "");
}

/** Words a failure with SQLite's own code: `SQLITE_FULL: database or disk is full`. */
export function describeFailure(error: unknown): string {
  if (error instanceof SQLiteError) return `${error.code ?? "SQLITE_ERROR"}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
