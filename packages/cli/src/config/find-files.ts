import { readdirSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import type { Checked, Issue } from "@catena/errors";

/** A file that holds configuration. */
export interface ConfigFile {
  readonly path: string;
  readonly format: "typescript" | "yaml" | "json";
}

const formats: Readonly<Record<string, ConfigFile["format"]>> = {
  ".ts": "typescript",
  ".yaml": "yaml",
  ".yml": "yaml",
  ".json": "json",
};

/** Files of a configs folder that hold no resources. */
const skipped = new Set(["gateway.ts", "package.json", "tsconfig.json"]);

/**
 * The configuration files behind the paths a user named: files as they are, folders with everything
 * below them but tests, hidden files, `node_modules` and the gateway's own settings.
 */
export function findConfigFiles(paths: readonly string[]): Checked<readonly ConfigFile[]> {
  const files: ConfigFile[] = [];
  const issues: Issue[] = [];
  for (const path of paths) {
    try {
      const { value = [], issues: found } = findAt(path);
      files.push(...value);
      issues.push(...found);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      issues.push({ path: "", code: "CONFIG_UNREADABLE", message: `${path}: ${reason}` });
    }
  }
  if (files.length === 0 && issues.length === 0) {
    issues.push({
      path: "",
      code: "CONFIG_NOT_FOUND",
      message: `no config files in ${paths.join(", ")}`,
      expected: "files that export routes, services or upstreams",
    });
  }
  if (issues.length > 0) return { issues };
  // A file that is named and lies below a folder that is named too is one file.
  const unique = new Map(files.map((file) => [resolve(file.path), file]));
  return { value: [...unique.values()], issues };
}

function findAt(path: string): Checked<readonly ConfigFile[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  const format = formats[extname(path)];
  if (stat?.isDirectory() === true) return { value: filesBelow(path), issues: [] };
  if (stat !== undefined && format !== undefined) return { value: [{ path, format }], issues: [] };
  const issue =
    stat === undefined
      ? {
          code: "CONFIG_NOT_FOUND",
          message: `${path} does not exist`,
          expected: "a config file (.ts, .yaml, .json) or a folder of them",
        }
      : {
          code: "CONFIG_FORMAT_UNKNOWN",
          message: `${path} is no config file`,
          expected: Object.keys(formats).join(", "),
        };
  return { issues: [{ path: "", ...issue }] };
}

function filesBelow(folder: string): ConfigFile[] {
  const found: ConfigFile[] = [];
  // Sorted, so that ids and messages do not depend on the file system's order.
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    if (entry.isDirectory()) {
      found.push(...filesBelow(path));
      continue;
    }
    const format = formats[extname(entry.name)];
    if (format === undefined || !isConfigName(basename(path))) continue;
    found.push({ path, format });
  }
  return found;
}

function isConfigName(name: string): boolean {
  return (
    !skipped.has(name) &&
    !/\.(test|test-d|spec|golden)\.[a-z]+$/.test(name) &&
    !name.endsWith(".d.ts")
  );
}
