import type { JsonSchema } from "@catena/ir";
import { isJsonObject } from "@catena/schema";

/** Keywords whose members are schemas by an author's names. */
const NAMED: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
]);
/** Keywords that hold data. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "required"]);

/**
 * A schema in the dialect of OpenAPI 3.1 (JSON Schema 2020-12): TypeBox writes tuples as draft 7
 * has them, with a list of `items`.
 */
export function toOpenApiSchema(schema: JsonSchema): JsonSchema {
  const converted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (DATA.has(key)) converted[key] = value;
    else if (key === "items" && Array.isArray(value)) converted["prefixItems"] = value.map(inner);
    else if (key === "additionalItems") converted["items"] = inner(value);
    else if (NAMED.has(key) && isJsonObject(value)) {
      converted[key] = Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, inner(member)]),
      );
    } else converted[key] = inner(value);
  }
  return converted;
}

function inner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  return isJsonObject(value) ? toOpenApiSchema(value) : value;
}
