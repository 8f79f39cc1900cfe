import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type CompiledResource, checkSameMatch } from "@catena/dsl";
import type { Checked, Issue, SourcePosition } from "@catena/errors";
import { importManifests } from "@catena/importers";
import { deployOrder, formatName } from "@catena/schema";
import { checkSources } from "./check-sources.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluationReply } from "./evaluation.ts";
import { type ConfigFile, findConfigFiles } from "./find-files.ts";
import { formatPosition } from "./format-position.ts";
import { checkResource, type FileResources, readResourceList } from "./read-resource-list.ts";

export interface LoadOptions {
  readonly target: "catena" | "apisix";
  /** Names that the gateway resolves itself (`resolver.hosts`). */
  readonly knownHosts: ReadonlySet<string>;
}

/** Everything the named files and folders declare. */
export interface LoadedConfig {
  readonly resources: readonly CompiledResource[];
  /** How many config files there are. */
  readonly files: number;
  /** Findings that keep nothing from being deployed. */
  readonly notes: readonly Issue[];
}

export interface LoadResult extends Checked<LoadedConfig> {
  /** Files that the outcome depends on, what configs import included. */
  readonly dependsOn: readonly string[];
}

/**
 * Reads configuration of every format below the given paths into one set of resources.
 *
 * @returns no value when anything is wrong: then nothing may be deployed. Issues name file, line and
 *   column, and are those of all files, so that they can be mended in one go.
 */
export async function loadConfig(
  paths: readonly string[],
  options: LoadOptions,
): Promise<LoadResult> {
  const { value: files, issues: notFound } = findConfigFiles(paths);
  if (files === undefined) return { issues: notFound, dependsOn: [] };
  const reply = await evaluateTypeScript(files, options);
  const parts: FileResources[] = [
    {
      resources: reply.kind === "resources" ? reply.resources : [],
      issues: reply.kind === "issues" ? reply.issues : [],
    },
  ];
  const dependsOn = [...new Set([...files.map(({ path }) => resolve(path)), ...reply.loaded])];
  const misuses = await checkSources(
    dependsOn,
    parts.flatMap((part) => part.issues),
  );
  const notes: Issue[] = [];
  for (const file of files) {
    if (file.format !== "typescript") parts.push(readDocument(file, options, notes));
  }
  const resources = parts.flatMap((part) => part.resources);
  const issues = [...parts.flatMap((part) => part.issues), ...misuses];
  issues.push(...findDuplicates(resources));
  // What is declared twice would also be found to match the same.
  if (issues.length === 0) issues.push(...checkSameMatch(resources));
  if (issues.length > 0) return { issues, dependsOn };
  resources.sort((a, b) => deployOrder.indexOf(a.kind) - deployOrder.indexOf(b.kind));
  return {
    issues,
    dependsOn,
    value: { resources, files: files.length, notes },
  };
}

async function evaluateTypeScript(
  files: readonly ConfigFile[],
  { target }: LoadOptions,
): Promise<EvaluationReply> {
  const scripts = files.filter((file) => file.format === "typescript").map((file) => file.path);
  return scripts.length === 0
    ? { kind: "resources", resources: [], loaded: [] }
    : await evaluate({ files: scripts, want: "resources", target });
}

function readDocument(file: ConfigFile, options: LoadOptions, notes: Issue[]): FileResources {
  let text: string;
  try {
    text = readFileSync(file.path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const issue = { path: "", code: "CONFIG_UNREADABLE", message: `${file.path}: ${reason}` };
    return { resources: [], issues: [issue] };
  }
  return file.format === "json"
    ? readResourceList(text, file.path)
    : readManifests(text, file.path, options, notes);
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
  const source: SourcePosition = { file, line: 1, column: 1 };
  const resources = imported.value.resources.map((resource) => ({ ...resource, source }));
  return { resources, issues: resources.flatMap(checkResource) };
}

/** The DSL compares what it compiles; this compares across formats as well. */
function findDuplicates(resources: readonly CompiledResource[]): readonly Issue[] {
  const seen = new Map<string, CompiledResource>();
  const issues: Issue[] = [];
  for (const resource of resources) {
    const name = formatName(resource);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, resource);
    else {
      issues.push({
        path: "",
        code: "CONFIG_DUPLICATE_ID",
        message: `declared already at ${first.source === undefined ? "an unknown place" : formatPosition(first.source)}`,
        hint: "give one of them another id",
        resource: name,
        ...(resource.source === undefined ? {} : { source: resource.source }),
      });
    }
  }
  return issues;
}
