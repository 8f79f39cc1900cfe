import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { defineErrors } from "@catena/errors";

export const pullErrors = defineErrors({
  PULL_FILE_EXISTS: {
    status: 409,
    source: "config",
    retryable: false,
    message: (p: { files: readonly string[] }) =>
      `nothing was written: ${p.files.join(", ")} would be overwritten; pull into another folder, or use --force`,
  },
  PULL_NO_STORE: {
    status: 404,
    source: "config",
    retryable: false,
    message: (p: { file: string }) => `there is no store at ${p.file}: the file does not exist`,
  },
});

export interface WriteOptions {
  readonly cwd: string;
  /** Also over files that are there. */
  readonly force: boolean;
  /** Whether they are for their owner alone. */
  readonly isSecret: boolean;
}

/**
 * Writes all files, or none when one of them is there already.
 *
 * @param files text by path, which may be relative.
 * @throws PULL_FILE_EXISTS; errors of the file system
 */
export function writeFiles(files: ReadonlyMap<string, string>, options: WriteOptions): void {
  const paths = [...files].map(([path, text]) => [resolve(options.cwd, path), text] as const);
  if (!options.force) {
    const there = [...files.keys()].filter((path) => existsSync(resolve(options.cwd, path)));
    if (there.length > 0) throw pullErrors.PULL_FILE_EXISTS({ files: there });
  }
  for (const [path, text] of paths) {
    mkdirSync(dirname(path), { recursive: true });
    const mode = options.isSecret ? 0o600 : 0o666;
    // One that somebody made in between is not overwritten either.
    writeFileSync(path, text, { mode, flag: options.force ? "w" : "wx" });
  }
}
