import { readdirSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
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
  const { files, issues } = findAll(paths, findAt);
  if (files.length === 0 && issues.length === 0) {
    issues.push({
      path: "",
      code: "CONFIG_NOT_FOUND",
      message: `no config files in ${paths.join(", ")}`,
      expected: "files that export routes, services or upstreams",
    });
  }
  return issues.length > 0 ? { issues } : { value: files, issues };
}

/** A file that `catena test` runs. */
export interface TestFile {
  readonly path: string;
  readonly kind: "spec" | "recording";
}

const testFormats: Readonly<Record<string, TestFile["kind"]>> = {
  ".ts": "spec",
  ".json": "recording",
};

/**
 * The test files behind the paths a user named: files as they are, and of folders all that is called
 * `*.spec.ts` or `*.recording.json`.
 */
export function findTestFiles(paths: readonly string[]): Checked<readonly TestFile[]> {
  const { files, issues } = findAll(paths, findTestsAt);
  if (files.length === 0 && issues.length === 0) {
    issues.push({
      path: "",
      code: "TEST_NOT_FOUND",
      message: `no test files in ${paths.join(", ")}`,
      expected: "files called *.spec.ts that export chainCases(…), or *.recording.json",
    });
  }
  return issues.length > 0 ? { issues } : { value: files, issues };
}

function findTestsAt(path: string): Checked<readonly TestFile[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) {
    const value = filesBelow(path, (name) =>
      /\.spec\.ts$/.test(name) ? "spec" : /\.recording\.json$/.test(name) ? "recording" : null,
    );
    return {
      value: value.map(({ path: file, found }) => ({ path: file, kind: found })),
      issues: [],
    };
  }
  const kind = testFormats[extname(path)];
  if (stat !== undefined && kind !== undefined) return { value: [{ path, kind }], issues: [] };
  const expected = "a file called *.spec.ts or *.recording.json, or a folder of them";
  const issue =
    stat === undefined
      ? { code: "TEST_NOT_FOUND", message: `${path} does not exist`, expected }
      : { code: "TEST_FORMAT_UNKNOWN", message: `${path} is no test file`, expected };
  return { issues: [{ path: "", ...issue }] };
}

/** What is found at each path; a file that is named twice, or lies below a folder that is, is one. */
function findAll<F extends { readonly path: string }>(
  paths: readonly string[],
  find: (path: string) => Checked<readonly F[]>,
): { readonly files: readonly F[]; readonly issues: Issue[] } {
  const files = new Map<string, F>();
  const issues: Issue[] = [];
  for (const path of paths) {
    try {
      const { value = [], issues: found } = find(path);
      for (const file of value) files.set(resolve(file.path), file);
      issues.push(...found);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      issues.push({ path: "", code: "CONFIG_UNREADABLE", message: `${path}: ${reason}` });
    }
  }
  return { files: [...files.values()], issues };
}

function findAt(path: string): Checked<readonly ConfigFile[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  const format = formats[extname(path)];
  if (stat?.isDirectory() === true) {
    const value = filesBelow(path, configFormatOf);
    return {
      value: value.map(({ path: file, found }) => ({ path: file, format: found })),
      issues: [],
    };
  }
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

/** Every file below a folder that something is found in by its name. */
function filesBelow<T>(
  folder: string,
  find: (name: string) => T | null,
): readonly { readonly path: string; readonly found: T }[] {
  // Sorted, so that ids and messages do not depend on the file system's order.
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".") || entry.name === "node_modules") return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, find);
    const found = find(entry.name);
    return found === null ? [] : [{ path, found }];
  });
}

function configFormatOf(name: string): ConfigFile["format"] | null {
  const isConfig =
    !skipped.has(name) &&
    !/\.(test|test-d|spec|golden|recording)\.[a-z]+$/.test(name) &&
    !name.endsWith(".d.ts");
  return isConfig ? (formats[extname(name)] ?? null) : null;
}
