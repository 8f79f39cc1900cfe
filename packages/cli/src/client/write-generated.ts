import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { defineErrors } from "@catena/errors";

const generatedErrors = defineErrors({
  OUT_NOT_GENERATED: {
    status: 409,
    source: "config",
    retryable: false,
    message: (p: { file: string; what: string }) =>
      `${p.file} is there and is ${p.what}: nothing was written; name another file, or use --force`,
  },
});

export interface GeneratedFile {
  readonly file: string;
  readonly text: string;
  /** Whether the text of a file that is there may have been generated before. */
  isGenerated(text: string): boolean;
  /** What a file is that was not: `no generated client`. */
  readonly otherwise: string;
}

/**
 * Writes a file that is generated again and again, over an earlier one of its sort and over nothing
 * else.
 *
 * @param cwd what `file` is relative to.
 * @throws OUT_NOT_GENERATED; errors of the file system
 */
export function writeGenerated(generated: GeneratedFile, cwd: string, force: boolean): void {
  const { file, text, otherwise } = generated;
  const path = resolve(cwd, file);
  const before = readIfThere(path);
  if (before !== null && !force && !generated.isGenerated(before)) {
    throw generatedErrors.OUT_NOT_GENERATED({ file, what: otherwise });
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
