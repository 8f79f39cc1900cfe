import type { Issue } from "@catena/errors";
import type { TSchema } from "@sinclair/typebox";
import { SettingsSchema } from "./settings.ts";

/** An environment variable and the one setting it sets. */
export interface EnvironmentVariable {
  /** `CATENA_LIMITS_REQUEST_BYTES` */
  readonly name: string;
  /** Names from the top of the settings: `["limits", "requestBytes"]`. */
  readonly path: readonly string[];
  readonly schema: TSchema;
}

/**
 * Every setting has a variable, named after it: `limits.requestBytes` is set by
 * `CATENA_LIMITS_REQUEST_BYTES`.
 */
export const environmentVariables: readonly EnvironmentVariable[] = variablesOf(SettingsSchema, []);

function variablesOf(schema: TSchema, path: readonly string[]): EnvironmentVariable[] {
  const properties: Readonly<Record<string, TSchema>> | undefined = schema["properties"];
  if (properties === undefined) return [{ name: variableName(path), path, schema }];
  return Object.entries(properties).flatMap(([name, member]) =>
    variablesOf(member, [...path, name]),
  );
}

function variableName(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase());
  return `CATENA_${words.join("_")}`;
}

/**
 * The settings that the environment gives, in the shape a file has; variables that are empty count as
 * not set. What can't be read as its setting's type is told in `issues`, without its value where it
 * may be a secret.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const { name, path, schema } of environmentVariables) {
    const text = environment[name];
    if (text === undefined || text === "") continue;
    const read = readValue(text, schema);
    if (read.expected !== undefined) {
      issues.push({
        path: `/${path.join("/")}`,
        code: "SETTINGS_INVALID",
        message: `${name} is not understood`,
        expected: read.expected,
        found: /key/i.test(name) ? "a value that is not shown" : text,
      });
      continue;
    }
    place(settings, path, read.value);
  }
  return settings;
}

/** A value, or in what form it has to be written. */
type Read =
  | { readonly value: unknown; readonly expected?: undefined }
  | { readonly expected: string };

function readValue(text: string, schema: TSchema): Read {
  const branches: readonly TSchema[] = schema["anyOf"] ?? [schema];
  if (branches.some((one) => one["const"] === text)) return { value: text };
  const [branch = schema] = branches.filter(({ type }) => type !== "null");
  switch (branch["type"]) {
    case "boolean":
      return readBoolean(text);
    case "integer":
    case "number":
      return Number.isFinite(Number(text)) ? { value: Number(text) } : { expected: "a number" };
    case "array":
      return readList(text, branch["items"]);
    case "object":
      return readTable(text);
    default:
      return { value: text };
  }
}

function readBoolean(text: string): Read {
  const value = { true: true, "1": true, false: false, "0": false }[text.toLowerCase()];
  return value === undefined ? { expected: "true or false" } : { value };
}

/** `a,b` for a list of texts, JSON for one of objects. */
function readList(text: string, items: TSchema): Read {
  if (items["type"] === "object") {
    try {
      return { value: JSON.parse(text) };
    } catch {
      return { expected: "a JSON array" };
    }
  }
  const parts = text.split(",").map((part) => part.trim());
  return { value: parts.filter((part) => part !== "") };
}

/** `name=value,name=value`; names in lower case, as host names are compared. */
function readTable(text: string): Read {
  const table: Record<string, string> = {};
  for (const part of text.split(",")) {
    const entry = part.trim();
    if (entry === "") continue;
    const equals = entry.indexOf("=");
    if (equals <= 0 || equals === entry.length - 1) return { expected: "name=value,name=value" };
    table[entry.slice(0, equals).trim().toLowerCase()] = entry.slice(equals + 1).trim();
  }
  return { value: table };
}

function place(settings: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    settings[name] = value;
    return;
  }
  const group: Record<string, unknown> = {};
  Object.assign(group, settings[name]);
  place(group, rest, value);
  settings[name] = group;
}
