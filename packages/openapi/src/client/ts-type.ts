import type { JsonSchema } from "@catena/ir";
import { isJsonObject } from "@catena/schema";
import { referredName } from "../definitions.ts";

/** How deep types are written out; what is deeper is `unknown`. */
const MAX_DEPTH = 32;

/** The TypeScript type of what a schema accepts. */
export function tsType(schema: unknown, depth = 0): string {
  if (schema === false) return "never";
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return "unknown";
  const referred = referredName(schema);
  if (referred !== null) return definitionType(referred);
  const { const: constant, enum: choices, anyOf, oneOf, allOf, type, nullable } = schema;
  if (constant !== undefined) return literal(constant);
  if (Array.isArray(choices)) return union(choices.map(literal));
  const alternatives = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : null;
  if (alternatives !== null) return union(alternatives.map((one) => tsType(one, depth + 1)));
  if (Array.isArray(allOf)) return intersection(allOf.map((one) => tsType(one, depth + 1)));
  const types = Array.isArray(type) ? type : [type];
  const written = types.map((one) => ofType(one, schema, depth));
  return union(nullable === true ? [...written, "null"] : written);
}

function ofType(type: unknown, schema: JsonSchema, depth: number): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "number":
    case "integer":
      return "number";
    case "array":
      return arrayType(schema, depth);
    case "object":
      return objectType(schema, depth);
    default:
      return isJsonObject(schema["properties"]) ? objectType(schema, depth) : "unknown";
  }
}

function arrayType({ prefixItems, items }: JsonSchema, depth: number): string {
  const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : null;
  if (tuple !== null) {
    const parts = tuple.map((item) => tsType(item, depth + 1));
    const isClosed = Array.isArray(items) || items === false;
    const rest = isClosed ? [] : [`...${parenthesized(tsType(items, depth + 1))}[]`];
    return `[${[...parts, ...rest].join(", ")}]`;
  }
  return `${parenthesized(tsType(items, depth + 1))}[]`;
}

function objectType(schema: JsonSchema, depth: number): string {
  const { properties, required, additionalProperties, patternProperties } = schema;
  const names = Array.isArray(required) ? required : [];
  const members = Object.entries(isJsonObject(properties) ? properties : {}).map(
    ([name, member]) =>
      `${propertyName(name)}${names.includes(name) ? "" : "?"}: ${tsType(member, depth + 1)}`,
  );
  const patterns = isJsonObject(patternProperties) ? Object.values(patternProperties) : [];
  const others = isJsonObject(additionalProperties)
    ? [...patterns, additionalProperties]
    : patterns;
  if (members.length > 0) return `{ ${members.join("; ")} }`;
  if (others.length === 0) return additionalProperties === false ? "{}" : "Record<string, unknown>";
  return `Record<string, ${union(others.map((one) => tsType(one, depth + 1)))}>`;
}

/** The type of a schema that others refer to: `order-node` is `OrderNodeSchema`. */
export function definitionType(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return `${/^[A-Za-z]/.test(pascal) ? "" : "_"}${pascal}Schema`;
}

export function propertyName(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : JSON.stringify(name);
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, one]) => `${propertyName(name)}: ${literal(one)}`,
  );
  return `{ ${members.join("; ")} }`;
}

export function union(types: readonly string[]): string {
  const distinct = [...new Set(types)];
  if (distinct.includes("unknown")) return "unknown";
  const possible = distinct.filter((type) => type !== "never");
  return possible.length === 0 ? "never" : possible.join(" | ");
}

function intersection(types: readonly string[]): string {
  const distinct = [...new Set(types)].filter((type) => type !== "unknown");
  return distinct.length === 0 ? "unknown" : distinct.map(parenthesized).join(" & ");
}

function parenthesized(type: string): string {
  return /[|&]/.test(type) ? `(${type})` : type;
}
