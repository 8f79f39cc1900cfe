import type { Checked, Issue } from "@catena/errors";
import { findProblems } from "./find-problems.ts";
import { toIssue } from "./json-schema/finding.ts";
import { formatName } from "./key.ts";
import type { Kind, ResourceOf } from "./kinds.ts";
import type { ValidationOptions } from "./validation-options.ts";

/** Issues that do not keep a resource from being served. */
const BEARABLE = new Set(["PLUGIN_UNKNOWN"]);

/**
 * Checks a document against its kind: schema, rules beyond the schema, plugins. A valid document is
 * handed back as it is, the same object, nothing added.
 *
 * @returns `value` unless an issue forbids it; every issue found, each with a JSON pointer, what was
 *   expected, what was found and a hint where a typo is likely.
 *
 * @example
 * const { value, issues } = parseResource("routes", { uri: "/a", upstream_id: "1" });
 */
export function parseResource<K extends Kind>(
  kind: K,
  value: unknown,
  options: ValidationOptions = {},
): Checked<ResourceOf<K>> {
  const name = options.id === undefined ? {} : { resource: formatName({ kind, id: options.id }) };
  const issues: Issue[] = findProblems(kind, value, options).map((problem) => ({
    ...toIssue(problem),
    ...name,
  }));
  const isUsable =
    issues.length === 0 ||
    (options.mode === "lenient" && issues.every((issue) => BEARABLE.has(issue.code)));
  // Without issues the document has passed the schema its type is derived from.
  return isUsable ? { value: value as ResourceOf<K>, issues } : { issues };
}
