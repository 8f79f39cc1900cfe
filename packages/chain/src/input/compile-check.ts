import type { JsonSchema } from "@catena/ir";
import { compileJsonCheck } from "@catena/schema";
import type { ValueContext } from "../values/value-context.ts";

/** The first thing wrong with a JSON text, or `null`. */
export type SchemaCheck = (raw: string) => SchemaFinding | null;

export interface SchemaFinding {
  /** JSON pointer within the text. */
  readonly path: string;
  /** Never holds a value: it may reach a client that must not see an upstream's data. */
  readonly message: string;
}

/**
 * Compiles a schema stored with a chain into a check of JSON texts. `null` for no schema, and after
 * an issue for one that is none, such as with a pattern that is no expression.
 */
export function compileCheck(
  schema: JsonSchema | undefined,
  path: string,
  context: Pick<ValueContext, "issue">,
): SchemaCheck | null {
  if (schema === undefined) return null;
  try {
    return toCheck(compileJsonCheck(schema));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.issue(path, "CHAIN_SCHEMA", `the schema is not usable: ${reason}`);
    return null;
  }
}

function toCheck(check: ReturnType<typeof compileJsonCheck>): SchemaCheck {
  return (raw) => {
    // The text was validated by the scanner; the parsed value is looked at and thrown away, so a
    // number that a double cannot hold is only compared, never passed on.
    const [finding] = check(JSON.parse(raw));
    if (finding === undefined) return null;
    const expected = finding.expected === undefined ? "" : `, expected ${finding.expected}`;
    return { path: finding.path, message: `${finding.message}${expected}` };
  };
}
