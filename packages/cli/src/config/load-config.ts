import { readFileSync } from "node:fs";
import type { Checked, Issue } from "@catena/errors";
import { importManifests } from "@catena/importers";
import { evaluate } from "./evaluate.ts";
import type { EvaluatedResource } from "./evaluation.ts";
import { type ConfigFile, findConfigFiles } from "./find-files.ts";
import { withShortFile } from "./format-position.ts";
import { checkResource, type FileResources, readResourceList } from "./read-resource-list.ts";

export interface LoadOptions {
  readonly target: "catena" | "apisix";
  /** Names that the gateway resolves itself (`resolver.hosts`). */
  readonly knownHosts: ReadonlySet<string>;
}

/** Everything the named files and folders declare. */
export interface LoadedConfig {
  readonly resources: readonly EvaluatedResource[];
  /** Files that were read, for watching. */
  readonly files: readonly string[];
  /** Findings that keep nothing from being deployed. */
  readonly notes: readonly Issue[];
}

/**
 * Reads configuration of every format below the given paths into one set of resources.
 *
 * @returns no value when anything is wrong: then nothing may be deployed. Issues name file, line and
 *   column where the format has them.
 */
export async function loadConfig(
  paths: readonly string[],
  options: LoadOptions,
): Promise<Checked<LoadedConfig>> {
  const { value: files, issues: notFound } = findConfigFiles(paths);
  if (files === undefined) return { issues: notFound };
  const parts: FileResources[] = [await evaluateTypeScript(files, options)];
  const notes: Issue[] = [];
  for (const file of files) {
    if (file.format === "typescript") continue;
    const text = readFileSync(file.path, "utf8");
    if (file.format === "json") parts.push(readResourceList(text, file.path));
    else parts.push(readManifests(text, file.path, options, notes));
  }
  const issues = parts.flatMap((part) => part.issues).map(withShortFile);
  const resources = parts.flatMap((part) => part.resources);
  issues.push(...findDuplicates(resources));
  if (issues.length > 0) return { issues };
  return {
    issues,
    value: { resources, files: files.map((file) => file.path), notes: notes.map(withShortFile) },
  };
}

async function evaluateTypeScript(
  files: readonly ConfigFile[],
  options: LoadOptions,
): Promise<FileResources> {
  const scripts = files.filter((file) => file.format === "typescript").map((file) => file.path);
  if (scripts.length === 0) return { resources: [], issues: [] };
  const reply = await evaluate({ files: scripts, want: "resources", target: options.target });
  return reply.kind === "resources"
    ? { resources: reply.resources, issues: [] }
    : { resources: [], issues: reply.kind === "issues" ? reply.issues : [] };
}

function readManifests(
  text: string,
  file: string,
  options: LoadOptions,
  notes: Issue[],
): FileResources {
  const imported = importManifests(text, { file, knownHosts: options.knownHosts });
  if (imported.value === undefined) return { resources: [], issues: imported.issues };
  notes.push(...imported.issues);
  const resources = imported.value.resources.map((resource) => ({ ...resource, place: file }));
  return { resources, issues: resources.flatMap(checkResource) };
}

/** The DSL compares what it compiles; this compares across formats as well. */
function findDuplicates(resources: readonly EvaluatedResource[]): readonly Issue[] {
  const seen = new Map<string, EvaluatedResource>();
  const issues: Issue[] = [];
  for (const resource of resources) {
    const name = `${resource.kind}/${resource.id}`;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, resource);
    else {
      issues.push({
        path: "",
        code: "CONFIG_DUPLICATE_ID",
        message: `${name} is declared twice: ${first.place ?? "?"} and ${resource.place ?? "?"}`,
        hint: "give one of them another id",
      });
    }
  }
  return issues;
}
