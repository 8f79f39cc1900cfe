import { compileMatcher, type MatcherOptions } from "./compile-matcher.ts";
import { explainSchema } from "./explain-schema.ts";
import { type Finding, ROOT } from "./finding.ts";
import type { JsonSchema } from "./json-schema.ts";

/**
 * Compiles a schema that came as plain JSON, such as one stored with a chain, where TypeBox's kinds
 * are gone.
 *
 * @returns the findings of a value; empty exactly when the schema accepts it.
 */
export function compileJsonCheck(
  schema: JsonSchema,
  options: Omit<MatcherOptions, "secretReferences"> = {},
): (value: unknown) => readonly Finding[] {
  const all = { ...options, secretReferences: false };
  const accepts = compileMatcher(schema, all);
  return (value) => (accepts(value) ? [] : explainSchema(schema, value, ROOT, all));
}
