import { readFileSync } from "node:fs";
import type { Issue } from "@catena/errors";

/** Files the checker reads; others that a config imports hold data. */
const scripts = /\.[cm]?[jt]sx?$/;

/**
 * Finds in config files, and in what they import, the uses of references that evaluating them does not
 * see (`ref ?? x`, `ref ? a : b`). What it did see is told by its own words.
 *
 * @param found issues of the evaluation
 */
export async function checkSources(
  files: readonly string[],
  found: readonly Issue[],
): Promise<readonly Issue[]> {
  const { checkSource } = await import("@catena/source-check");
  const told = new Set(found.map(({ source }) => (source ? `${source.file}:${source.line}` : "")));
  return files
    .filter((file) => scripts.test(file))
    .flatMap((file) => checkSource(readText(file), file))
    .filter(({ code, source }) => {
      // Whether a file is TypeScript is decided by what runs it.
      if (code === "SOURCE_SYNTAX") return false;
      return source === undefined || !told.has(`${source.file}:${source.line}`);
    });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It was loaded a moment ago, and is gone.
    return "";
  }
}
