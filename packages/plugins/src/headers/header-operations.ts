import { type Checked, type Issue, pointerSegment } from "@catena/errors";
import type { TemplateOptions } from "@catena/expr";
import { isJsonObject } from "@catena/schema";
import { compileHeaders, type HeaderTemplate, type HeaderValues } from "./header-templates.ts";
import { checkHeaderName } from "./reserved-headers.ts";

/** What becomes of headers: added, then set, then removed. */
export interface HeaderOperations {
  readonly add: readonly HeaderTemplate[];
  readonly set: readonly HeaderTemplate[];
  /** Lower case. */
  readonly remove: readonly string[];
}

/** The two forms APISIX takes: operations by name, or simply headers to set. */
export interface ConfiguredOperations {
  readonly add?: HeaderValues;
  readonly set?: HeaderValues;
  readonly remove?: readonly string[];
}

export const noOperations: HeaderOperations = { add: [], set: [], remove: [] };

/**
 * Tells the form with operations from the older one, in which `add`, `set` and `remove` are headers
 * like others: they are operations when one of them holds a list or an object.
 */
export function hasOperations(headers: object): boolean {
  return ["add", "set", "remove"].some((name) => {
    const value: unknown = Reflect.get(headers, name);
    return Array.isArray(value) || isJsonObject(value);
  });
}

export function compileOperations(
  configured: ConfiguredOperations,
  path: string,
  options: TemplateOptions = {},
): Checked<HeaderOperations> {
  const add = compileHeaders(configured.add ?? {}, `${path}/add`, options);
  const set = compileHeaders(configured.set ?? {}, `${path}/set`, options);
  const issues = [...add.issues, ...set.issues];
  if (issues.length > 0 || add.value === undefined || set.value === undefined) return { issues };
  const remove = (configured.remove ?? []).map((name) => name.toLowerCase());
  return { value: { add: add.value, set: set.value, remove }, issues };
}

/** The older form: every member is a header to set, of one value. */
export function compileOlderForm(
  headers: object,
  path: string,
  options: TemplateOptions = {},
): Checked<HeaderOperations> {
  const issues: Issue[] = [];
  const values: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(headers)) {
    const at = `${path}/${pointerSegment(name)}`;
    issues.push(...checkHeaderName(name, at));
    if (typeof value === "string" || typeof value === "number") values[name] = value;
    else issues.push({ path: at, code: "HEADER_INVALID", message: "invalid type as header value" });
  }
  if (issues.length > 0) return { issues };
  const set = compileHeaders(values, path, options);
  if (set.value === undefined) return { issues: set.issues };
  return { value: { ...noOperations, set: set.value }, issues };
}
