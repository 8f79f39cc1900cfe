import { type Issue, pointerSegment } from "@catena/errors";
import type { TSchema } from "@sinclair/typebox";
import { describeFound } from "../describe-found.ts";
import { nearestName } from "../nearest-name.ts";

/** The keywords that `stored-chain-schema.ts` uses. */
interface Shape {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: boolean;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

/** Parts with rules of their own, checked elsewhere with better words. */
const ELSEWHERE: ReadonlySet<string> = new Set(["value", "reference", "operation"]);

/**
 * Compares a document with a schema and says of every difference where it is, what was expected,
 * what was found and, for a key that is not known, which one may have been meant.
 */
export class ShapeExplainer {
  readonly #definitions: Readonly<Record<string, Shape>>;
  readonly #issues: Issue[] = [];

  constructor(definitions: Readonly<Record<string, TSchema>>) {
    // TypeBox schemas are JSON Schema at run time; these use the keywords of Shape alone.
    this.#definitions = definitions as Readonly<Record<string, object>>;
  }

  explain(schema: TSchema, value: unknown): readonly Issue[] {
    const shape: object = schema;
    this.#visit(shape, value, "");
    return this.#issues;
  }

  #visit(schema: Shape, value: unknown, path: string): void {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.slice("#/$defs/".length);
      const target = this.#definitions[name];
      if (target !== undefined && !ELSEWHERE.has(name)) this.#visit(target, value, path);
    } else if (schema.anyOf !== undefined) {
      this.#visitAny(schema, schema.anyOf, value, path);
    } else if (!hasShapeType(schema, value)) {
      this.#expected(schema, value, path);
    } else if (isObject(value)) {
      this.#visitObject(schema, value, path);
    } else if (Array.isArray(value)) {
      this.#visitArray(schema, value, path);
    } else {
      this.#visitScalar(schema, value, path);
    }
  }

  /** Judges an object by the member it has a required key of, so that the finding is about that one. */
  #visitAny(schema: Shape, members: readonly Shape[], value: unknown, path: string): void {
    const resolved = members.map((member) => this.#resolve(member));
    if (isObject(value)) {
      const meant = resolved.find((member) =>
        member.required?.some((key) => Object.hasOwn(value, key)),
      );
      if (meant !== undefined) {
        const name = members[resolved.indexOf(meant)]?.$ref?.slice("#/$defs/".length);
        if (name === undefined || !ELSEWHERE.has(name)) this.#visit(meant, value, path);
        return;
      }
    } else if (resolved.some((member) => accepts(member, value))) return;
    this.#expected(schema, value, path);
  }

  #visitObject(schema: Shape, value: Record<string, unknown>, path: string): void {
    const { properties = {}, patternProperties = {}, required = [] } = schema;
    for (const key of required) {
      if (Object.hasOwn(value, key)) continue;
      this.#add(path, "CHAIN_KEY_MISSING", `"${key}" is missing`, {
        expected: this.#word(properties[key] ?? {}),
        found: "nothing",
      });
    }
    for (const [key, member] of Object.entries(value)) {
      const at = `${path}/${pointerSegment(key)}`;
      const own = Object.hasOwn(properties, key) ? properties[key] : undefined;
      const shape =
        own ??
        Object.entries(patternProperties).find(([pattern]) => new RegExp(pattern).test(key))?.[1];
      if (shape !== undefined) this.#visit(shape, member, at);
      else if (schema.additionalProperties === false) this.#unknownKey(schema, key, at);
    }
  }

  #unknownKey(schema: Shape, key: string, path: string): void {
    const known = Object.keys(schema.properties ?? {});
    const near = nearestName(key, known);
    const [pattern] = Object.keys(schema.patternProperties ?? {});
    this.#add(path, "CHAIN_KEY_UNKNOWN", `unknown key "${key}"`, {
      expected: known.length > 0 ? `one of ${known.join(", ")}` : `a key like ${pattern}`,
      found: JSON.stringify(key),
      ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
    });
  }

  #visitArray(schema: Shape, value: readonly unknown[], path: string): void {
    const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = schema;
    if (value.length < minItems || value.length > maxItems) {
      const bounds = maxItems === Number.POSITIVE_INFINITY ? "" : ` and at most ${maxItems}`;
      this.#add(path, "CHAIN_SIZE", "wrong number of items", {
        expected: `at least ${minItems}${bounds}`,
        found: String(value.length),
      });
    }
    if (items === undefined) return;
    for (const [index, item] of value.entries()) this.#visit(items, item, `${path}/${index}`);
  }

  #visitScalar(schema: Shape, value: unknown, path: string): void {
    if (!accepts(schema, value)) this.#expected(schema, value, path);
  }

  #expected(schema: Shape, value: unknown, path: string): void {
    this.#add(path, "CHAIN_SHAPE", "wrong value", {
      expected: this.#word(schema),
      found: describeFound(value),
    });
  }

  #resolve(schema: Shape): Shape {
    if (schema.$ref === undefined) return schema;
    return this.#definitions[schema.$ref.slice("#/$defs/".length)] ?? {};
  }

  #word(schema: Shape): string {
    if (schema.$ref !== undefined) return schema.$ref.slice("#/$defs/".length).replace("_", " ");
    if (schema.anyOf !== undefined)
      return schema.anyOf.map((each) => this.#word(each)).join(" or ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.type === "object" && schema.required !== undefined) {
      return `{ ${schema.required.join(", ")} }`;
    }
    return `${String(schema.type ?? "a value")}${wordLimits(schema)}`;
  }

  #add(path: string, code: string, message: string, rest: Partial<Issue>): void {
    this.#issues.push({ path, code, message, ...rest });
  }
}

function wordLimits(schema: Shape): string {
  const words: string[] = [];
  if (schema.minimum !== undefined) words.push(`from ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) words.push(`above ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined) words.push(`to ${schema.maximum}`);
  if (schema.pattern !== undefined) words.push(`matching ${schema.pattern}`);
  if (schema.maxLength !== undefined) words.push(`of at most ${schema.maxLength} characters`);
  return words.length === 0 ? "" : ` ${words.join(" ")}`;
}

function accepts(schema: Shape, value: unknown): boolean {
  if (schema.const !== undefined) return schema.const === value;
  if (!hasShapeType(schema, value)) return false;
  if (typeof value === "number") {
    return (
      value >= (schema.minimum ?? Number.NEGATIVE_INFINITY) &&
      value <= (schema.maximum ?? Number.POSITIVE_INFINITY) &&
      value > (schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY)
    );
  }
  if (typeof value === "string") {
    return (
      value.length >= (schema.minLength ?? 0) &&
      value.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY) &&
      (schema.pattern === undefined || new RegExp(schema.pattern).test(value))
    );
  }
  return true;
}

function hasShapeType(schema: Shape, value: unknown): boolean {
  switch (schema.type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "string":
    case "boolean":
      return typeof value === schema.type;
    default:
      return true;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
