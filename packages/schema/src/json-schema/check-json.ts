import { compileMatcher } from "./compile-matcher.ts";
import { explainSchema } from "./explain-schema.ts";
import { type Finding, ROOT } from "./finding.ts";
import type { JsonSchema } from "./json-schema.ts";

const OPTIONS = { secretReferences: false };

/**
 * Compiles a schema that came as plain JSON, such as one stored with a chain, where TypeBox's kinds
 * are gone.
 *
 * @returns the findings of a value; empty exactly when the schema accepts it.
 */
export function compileJsonCheck(schema: JsonSchema): (value: unknown) => readonly Finding[] {
  const accepts = compileMatcher(schema, OPTIONS);
  return (value) => (accepts(value) ? [] : explainSchema(schema, value, ROOT, OPTIONS));
}
