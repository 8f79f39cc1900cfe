import { readFileSync, statSync } from "node:fs";
import { type Issue, pointerSegment } from "@catena/errors";

/** Largest file a setting may be read from: bundles of authorities have some hundred kilobytes. */
const maxFileBytes = 1024 * 1024;

/**
 * Puts values in the place of the references that settings may be: `$env://NAME`, `$env://NAME/MEMBER`
 * of a variable that holds JSON, and `$file://PATH`, without the line's end. So that keys need not
 * stand in the settings file.
 *
 * @param issues gets what can't be read; never the value of anything.
 */
export function resolveReferences(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
  path = "",
): unknown {
  if (typeof value === "string") {
    const read = readReference(value, environment);
    if (typeof read === "string") return read;
    if (read === null) return value;
    issues.push({
      path,
      code: "SETTINGS_INVALID",
      message: `${value} can't be read`,
      expected: read.expected,
    });
    return undefined;
  }
  const resolve = (member: unknown, name: string | number) =>
    resolveReferences(member, environment, issues, `${path}/${pointerSegment(String(name))}`);
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, resolve(member, name)]),
  );
}

/** `null` for what is no reference. */
function readReference(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | { readonly expected: string } | null {
  if (text.startsWith("$file://")) return readFile(text.slice("$file://".length));
  const parts = /^\$env:\/\/([^/]+)(?:\/(.+))?$/i.exec(text);
  if (parts === null) return null;
  const [, name = "", member] = parts;
  const found = environment[name];
  if (found === undefined || found === "") return { expected: "a variable that is set" };
  if (member === undefined) return found;
  const inner = memberOf(found, member);
  return typeof inner === "string" ? inner : { expected: "JSON with a text of that name" };
}

function memberOf(json: string, name: string): unknown {
  try {
    const parsed: unknown = JSON.parse(json);
    return Object.entries(Object(parsed)).find(([key]) => key === name)?.[1];
  } catch {
    return undefined;
  }
}

function readFile(path: string): string | { readonly expected: string } {
  try {
    if (statSync(path).size > maxFileBytes) return { expected: `at most ${maxFileBytes} bytes` };
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch {
    return { expected: "a file that can be read" };
  }
}
