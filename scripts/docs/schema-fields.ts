import type { TSchema } from "@sinclair/typebox";

/** A member of an object schema, as a table of the documentation shows it. */
export interface SchemaField {
  /** Dotted, `[]` for the items of a list: `services[].uri`. */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** As JSON; empty for none. */
  readonly defaultText: string;
  readonly description: string;
}

/**
 * Lists the members of a schema, and those of objects and lists of objects in it, in their order.
 *
 * @param depth how many levels of objects are opened.
 */
export function schemaFields(schema: TSchema, depth = 3): SchemaField[] {
  const alternatives: readonly TSchema[] =
    schema["properties"] === undefined ? (schema["anyOf"] ?? [schema]) : [schema];
  return alternatives.flatMap((alternative) => membersOf(alternative, "", depth));
}

function membersOf(schema: TSchema, prefix: string, depth: number): SchemaField[] {
  const properties: Readonly<Record<string, TSchema>> = schema["properties"] ?? {};
  const required: readonly string[] = schema["required"] ?? [];
  return Object.entries(properties).flatMap(([name, member]) => {
    const path = prefix + name;
    const field: SchemaField = {
      path,
      type: typeOf(member),
      isRequired: required.includes(name),
      defaultText: member["default"] === undefined ? "" : JSON.stringify(member["default"]),
      description: String(member["description"] ?? ""),
    };
    if (depth <= 1) return [field];
    const items: TSchema | undefined = member["items"];
    const inner = member["type"] === "array" ? items : member;
    const below = member["type"] === "array" ? `${path}[].` : `${path}.`;
    return [field, ...(inner === undefined ? [] : membersOf(inner, below, depth - 1))];
  });
}

/** `string`, `"a" | "b"`, `integer 1..10`, `string[]`. */
function typeOf(schema: TSchema): string {
  const branches: readonly TSchema[] | undefined = schema["anyOf"] ?? schema["oneOf"];
  if (branches !== undefined) return [...new Set(branches.map(typeOf))].join(" | ");
  const { const: only, enum: values, type } = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (type === "array") {
    const items: TSchema | undefined = schema["items"];
    const inner = items === undefined ? "any" : typeOf(items);
    return inner.includes(" ") ? `(${inner})[]` : `${inner}[]`;
  }
  const patterns: Readonly<Record<string, TSchema>> = schema["patternProperties"] ?? {};
  const [named] = Object.values(patterns);
  if (named !== undefined) return `{ name: ${typeOf(named)} }`;
  return `${String(type ?? "any")}${rangeOf(schema)}`;
}

function rangeOf(schema: TSchema): string {
  const low: unknown = schema["minimum"] ?? schema["exclusiveMinimum"];
  const high: unknown = schema["maximum"];
  if (low === undefined && high === undefined) return "";
  if (high === undefined) return ` ${schema["minimum"] === undefined ? ">" : "≥"} ${low}`;
  return ` ${low ?? ""}..${high}`;
}
