import { resolve } from "node:path";
import { Glob } from "bun";

/** The repository's folder, without a trailing slash. */
export const repositoryRoot = resolve(import.meta.dir, "../..");

/** Files under `folder` (relative to the root) that fit a glob, sorted, relative to the root. */
export function findFiles(folder: string, pattern: string): string[] {
  const found: string[] = [];
  for (const file of new Glob(`${folder}/${pattern}`).scanSync({
    cwd: repositoryRoot,
    dot: true,
  })) {
    if (!file.split("/").includes("node_modules")) found.push(file);
  }
  return found.sort();
}
