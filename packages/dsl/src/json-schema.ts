import type { JsonSchema } from "@catena/ir";
import type { TSchema } from "@sinclair/typebox";
import { dslErrors } from "./errors.ts";

/** RFC draft-07 §6.1.1; TypeBox has types JSON does not. */
const JSON_TYPES: ReadonlySet<unknown> = new Set([
  "null",
  "boolean",
  "object",
  "array",
  "number",
  "string",
  "integer",
]);

/**
 * A TypeBox schema as plain JSON Schema, without TypeBox's own symbols.
 *
 * @throws DSL_ARGUMENT for a type that no JSON is of (`Type.Date()`, `Type.Function()`, …).
 */
export function toJsonSchema(schema: TSchema): JsonSchema {
  const plain: unknown = JSON.parse(JSON.stringify(schema));
  const foreign = foreignType(plain, 0);
  if (foreign !== null) {
    throw dslErrors.DSL_ARGUMENT({
      what: `a schema of type ${foreign} describes no JSON`,
      hint: "describe the JSON that is sent: a date is a string, a big number a string or a number",
      source: undefined,
    });
  }
  // JSON.stringify of a schema object is an object.
  return plain as JsonSchema;
}

/** Keywords whose members are schemas, but named by the author. */
const NAMED: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs"]);
/** Keywords that hold data, not schemas. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "required"]);

function foreignType(schema: unknown, depth: number): string | null {
  if (typeof schema !== "object" || schema === null || depth > 64) return null;
  if (Array.isArray(schema)) return firstForeign(schema, depth);
  for (const [key, member] of Object.entries(schema)) {
    if (DATA.has(key)) continue;
    if (key === "type" && typeof member === "string" && !JSON_TYPES.has(member)) return member;
    const inside =
      NAMED.has(key) && typeof member === "object" && member !== null
        ? firstForeign(Object.values(member), depth)
        : foreignType(member, depth + 1);
    if (inside !== null) return inside;
  }
  return null;
}

function firstForeign(schemas: readonly unknown[], depth: number): string | null {
  for (const schema of schemas) {
    const found = foreignType(schema, depth + 1);
    if (found !== null) return found;
  }
  return null;
}
