import type { Checked } from "@catena/errors";
import { compileJsonCheck, isJsonObject, type JsonObject, type JsonSchema } from "@catena/schema";
import { toPlainSchema } from "./plain-schema.ts";

/** A JSON Schema from configuration, made ready for what clients send. */
export interface UserSchema {
  readonly schema: JsonSchema;
  /** The first thing wrong, in the words of APISIX's validator; `null` when nothing is. */
  problemOf(value: unknown): string | null;
}

/**
 * Compiles a schema that somebody wrote for what others send: its patterns run in linear time. Issues
 * have paths into the schema.
 */
export function compileUserSchema(source: JsonObject): Checked<UserSchema> {
  const { schema, patterns, issues } = toPlainSchema(source);
  if (issues.length > 0) return { issues };
  const check = compileJsonCheck(schema, {
    // Every pattern of the schema was compiled with it.
    compilePattern: (pattern) => patterns.get(pattern) ?? { test: () => false },
  });
  const problemOf = (value: unknown): string | null => check(value)[0]?.apisix ?? null;
  return { value: { schema, problemOf }, issues };
}

/**
 * Puts the defaults of a schema where members are missing, as APISIX's validator does before it looks:
 * of objects' properties, in lists and in all of `allOf`.
 */
export function withDefaults(schema: JsonSchema, value: unknown): unknown {
  let result = value;
  if (isJsonObject(result) && schema.properties !== undefined) {
    const filled: Record<string, unknown> = { ...result };
    for (const [name, member] of Object.entries(schema.properties)) {
      if (Object.hasOwn(filled, name)) filled[name] = withDefaults(member, filled[name]);
      else if (member.default !== undefined) filled[name] = structuredClone(member.default);
    }
    result = filled;
  }
  const { items } = schema;
  if (Array.isArray(result) && items !== undefined && !isList(items))
    result = result.map((item: unknown) => withDefaults(items, item));
  for (const part of schema.allOf ?? []) result = withDefaults(part, result);
  return result;
}

function isList(items: JsonSchema | readonly JsonSchema[]): items is readonly JsonSchema[] {
  return Array.isArray(items);
}
