import { isJsonObject, type JsonObject } from "@catena/schema";

/** Deepest schema that is followed; what lies deeper is left out. */
const maxDepth = 32;

/**
 * Makes up an object by a JSON Schema: examples where there are some, else one to ten letters, whole
 * numbers up to 10000, and one to three items. Members of no known type are left out.
 */
export function inventObject(schema: JsonObject, depth = 0): Record<string, unknown> {
  const properties = schema["properties"];
  if (!isJsonObject(properties) || depth > maxDepth) return {};
  const invented: [string, unknown][] = [];
  for (const [name, property] of Object.entries(properties)) {
    const value = invent(property, depth + 1);
    if (value !== undefined) invented.push([name, value]);
  }
  return Object.fromEntries(invented);
}

function invent(schema: unknown, depth: number): unknown {
  if (!isJsonObject(schema)) return undefined;
  const { example } = schema;
  switch (String(schema["type"]).toLowerCase()) {
    case "string":
      return typeof example === "string" ? example : inventText();
    case "number":
      return typeof example === "number" ? example : Math.random() * 10_000;
    case "integer":
      return typeof example === "number" ? Math.floor(example) : between(1, 10_000);
    case "boolean":
      return typeof example === "boolean" ? example : Math.random() < 0.5;
    case "array":
      return inventArray(schema["items"], depth);
    case "object":
      return inventObject(schema, depth);
    default:
      return undefined;
  }
}

function inventArray(items: unknown, depth: number): unknown[] | undefined {
  if (items === undefined || depth > maxDepth) return undefined;
  // Three items per level of nested arrays would grow beyond all measure.
  const length = depth > 6 ? 1 : between(1, 3);
  return Array.from({ length }, () => invent(items, depth + 1) ?? null);
}

function inventText(): string {
  return Array.from({ length: between(1, 10) }, () => String.fromCharCode(between(97, 122))).join(
    "",
  );
}

function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low + 1));
}

/** Writes a value as an XML element; an array is its element repeated. */
export function writeXml(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => writeXml(name, item)).join("");
  const content = isJsonObject(value)
    ? Object.entries(value)
        .map(([member, inner]) => writeXml(member, inner))
        .join("")
    : Bun.escapeHTML(String(value));
  return `<${name}>${content}</${name}>`;
}
