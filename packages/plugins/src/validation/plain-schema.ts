import type { Issue } from "@catena/errors";
import { compilePattern, type Pattern } from "@catena/expr";
import { isJsonObject, type JsonObject, type JsonSchema } from "@catena/schema";

/** A JSON Schema of a user's, ready to be compiled. */
export interface PlainSchema {
  readonly schema: JsonSchema;
  readonly patterns: ReadonlyMap<string, Pattern>;
  readonly issues: readonly Issue[];
}

/** Most schemas within one schema, references followed. */
const maxSchemas = 10_000;

const maxDepth = 64;

/**
 * Makes a schema as somebody wrote it (JSON Schema draft 4 to 7) one that can be compiled: references
 * within it are followed, `true` and `false` become objects, draft 4's exclusive limits numbers.
 */
export function toPlainSchema(source: JsonObject): PlainSchema {
  const writer = new PlainWriter(source);
  const schema = writer.write(source, "", 0);
  return { schema, patterns: writer.patterns, issues: writer.issues };
}

/** What the value of a keyword is made of. */
type Part = "schema" | "schemas" | "schemaMap" | "dependencies" | "items" | "pattern" | "plain";

const keywords: Readonly<Record<string, Part>> = {
  type: "plain",
  default: "plain",
  enum: "plain",
  const: "plain",
  properties: "schemaMap",
  required: "plain",
  patternProperties: "schemaMap",
  additionalProperties: "schema",
  minProperties: "plain",
  maxProperties: "plain",
  dependencies: "dependencies",
  items: "items",
  minItems: "plain",
  maxItems: "plain",
  uniqueItems: "plain",
  minLength: "plain",
  maxLength: "plain",
  pattern: "pattern",
  format: "plain",
  minimum: "plain",
  maximum: "plain",
  exclusiveMinimum: "plain",
  exclusiveMaximum: "plain",
  multipleOf: "plain",
  allOf: "schemas",
  anyOf: "schemas",
  oneOf: "schemas",
  not: "schema",
  if: "schema",
  // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
  then: "schema",
  else: "schema",
};

/** Keywords that decide something and that nobody here looks at. */
const notServed = new Set(["additionalItems", "contains", "propertyNames", "$recursiveRef"]);

class PlainWriter {
  readonly issues: Issue[] = [];
  readonly patterns = new Map<string, Pattern>();
  readonly #root: JsonObject;
  #count = 0;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  write(source: unknown, path: string, depth: number): JsonSchema {
    if (source === true) return {};
    if (source === false) return { not: {} };
    if (!isJsonObject(source)) return this.#refuse(path, "a schema is an object, true or false");
    if (depth > maxDepth || ++this.#count > maxSchemas)
      return this.#refuse(path, "the schema is too deep or refers to itself");
    const { $ref } = source;
    if ($ref !== undefined) return this.#follow($ref, path, depth);
    const result: Record<string, unknown> = {};
    for (const [keyword, value] of Object.entries(source)) {
      const at = `${path}/${keyword}`;
      if (notServed.has(keyword)) this.#refuse(at, `"${keyword}" is not served`);
      const part = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
      if (part !== undefined) result[keyword] = this.#part(part, value, at, depth + 1);
    }
    exclusiveLimits(result);
    return result;
  }

  #part(part: Part, value: unknown, path: string, depth: number): unknown {
    switch (part) {
      case "plain":
        return value;
      case "schema":
        return typeof value === "boolean" && path.endsWith("/additionalProperties")
          ? value
          : this.write(value, path, depth);
      case "schemas":
        return this.#list(value, path, depth);
      case "items":
        return Array.isArray(value)
          ? this.#list(value, path, depth)
          : this.write(value, path, depth);
      case "schemaMap":
        return this.#map(value, path, depth);
      case "dependencies":
        return this.#map(value, path, depth);
      case "pattern":
        return this.#pattern(value, path);
    }
  }

  #list(value: unknown, path: string, depth: number): unknown {
    if (!Array.isArray(value)) return this.#refuse(path, "a list of schemas is expected");
    return value.map((one: unknown, at) => this.write(one, `${path}/${at}`, depth));
  }

  #map(value: unknown, path: string, depth: number): unknown {
    if (!isJsonObject(value)) return this.#refuse(path, "an object of schemas is expected");
    const isPatterned = path.endsWith("/patternProperties");
    const isDependent = path.endsWith("/dependencies");
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        if (isPatterned) this.#pattern(name, `${path}/${name}`);
        if (isDependent && Array.isArray(one)) return [name, one];
        return [name, this.write(one, `${path}/${name}`, depth)];
      }),
    );
  }

  #pattern(value: unknown, path: string): unknown {
    if (typeof value !== "string") return this.#refuse(path, "a pattern is a text");
    const { value: pattern, issues } = compilePattern(value);
    for (const issue of issues) this.issues.push({ ...issue, path });
    if (pattern !== undefined) this.patterns.set(value, pattern);
    return value;
  }

  /** A reference into the same schema: `#` and `#/definitions/a`. */
  #follow(reference: unknown, path: string, depth: number): JsonSchema {
    if (typeof reference !== "string" || !/^#(\/|$)/.test(reference))
      return this.#refuse(path, "only references within the schema are followed");
    let found: unknown = this.#root;
    for (const name of reference.split("/").slice(1)) {
      const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
      found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }
    if (found === undefined) return this.#refuse(path, `"${reference}" leads nowhere`);
    return this.write(found, path, depth + 1);
  }

  #refuse(path: string, message: string): JsonSchema {
    // One is enough: what refers to itself would be told again at every turn.
    if (this.issues.length < 10) this.issues.push({ path, code: "JSON_SCHEMA_INVALID", message });
    return {};
  }
}

/** In draft 4 `exclusiveMinimum: true` says how `minimum` is meant. */
function exclusiveLimits(schema: Record<string, unknown>): void {
  for (const [flag, limit] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof schema[flag] !== "boolean") continue;
    const isExclusive = schema[flag];
    delete schema[flag];
    if (!isExclusive) continue;
    schema[flag] = schema[limit];
    delete schema[limit];
  }
}
