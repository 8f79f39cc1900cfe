import { pointerSegment } from "@catena/errors";
import { didYouMean } from "../did-you-mean.ts";
import {
  compileMatcher,
  findEqualItems,
  isNameList,
  isSchemaList,
  type Matcher,
  type MatcherOptions,
  type TextTest,
} from "./compile-matcher.ts";
import { explainCombination } from "./explain-combination.ts";
import { explainScalar } from "./explain-scalar.ts";
import { describeValue, type Finding, luaType, type Place } from "./finding.ts";
import { isObjectLike, type JsonObject, type JsonSchema } from "./json-schema.ts";
import { hasType, patternOf } from "./value-tests.ts";

/**
 * Lists everything a schema has against a value, in the order in which APISIX's validator looks:
 * type, members, items, the value itself, combinations. Empty exactly when the compiled matcher of
 * the same schema accepts the value.
 */
export function explainSchema(
  schema: JsonSchema,
  value: unknown,
  place: Place,
  options: MatcherOptions,
): Finding[] {
  const seen = new Set<string>();
  return new SchemaWalk(options).walk(schema, value, place).filter(({ path, message }) => {
    const key = `${path} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** What the files beside this one need of the walk. */
export interface Walk {
  readonly options: MatcherOptions;
  walk(schema: JsonSchema, value: unknown, place: Place): Finding[];
  accepts(schema: JsonSchema, value: unknown): boolean;
}

class SchemaWalk implements Walk {
  readonly options: MatcherOptions;
  readonly #byId = new Map<string, JsonSchema>();
  readonly #matchers = new Map<JsonSchema, Matcher>();

  constructor(options: MatcherOptions) {
    this.options = options;
  }

  walk(schema: JsonSchema, value: unknown, place: Place): Finding[] {
    if (schema.$ref !== undefined) {
      const target = this.#byId.get(schema.$ref);
      return target === undefined ? [] : this.walk(target, value, place);
    }
    if (schema.$id !== undefined) this.#byId.set(schema.$id, schema);
    const wrongType = explainType(schema, value, place);
    if (wrongType !== null) return [wrongType];
    const findings: Finding[] = [];
    if (isObjectLike(value)) findings.push(...this.#object(schema, value, place));
    if (Array.isArray(value)) findings.push(...this.#array(schema, value, place));
    findings.push(...explainScalar(schema, value, place, this.options));
    findings.push(...explainCombination(this, schema, value, place));
    return findings;
  }

  #pattern(source: string): TextTest {
    return (this.options.compilePattern ?? patternOf)(source);
  }

  accepts(schema: JsonSchema, value: unknown): boolean {
    // A branch that refers back to an enclosing schema cannot be compiled on its own.
    if (this.#byId.size > 0) return this.walk(schema, value, { path: "", wrap: "" }).length === 0;
    let matcher = this.#matchers.get(schema);
    if (matcher === undefined) {
      matcher = compileMatcher(schema, this.options);
      this.#matchers.set(schema, matcher);
    }
    return matcher(value);
  }

  #object(schema: JsonSchema, value: JsonObject, place: Place): Finding[] {
    const findings = [
      ...countMembers(schema, value, place),
      ...this.#dependencies(schema, value, place),
    ];
    const required = new Set(schema.required);
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      if (Object.hasOwn(value, name)) {
        findings.push(
          ...this.walk(
            member,
            value[name],
            into(place, name, `property "${name}" validation failed: `),
          ),
        );
      } else if (required.delete(name)) {
        findings.push(missing(schema, value, name, place));
      }
    }
    for (const name of required) {
      if (!Object.hasOwn(value, name)) findings.push(missing(schema, value, name, place));
    }
    findings.push(...this.#otherMembers(schema, value, place));
    return findings;
  }

  #dependencies(schema: JsonSchema, value: JsonObject, place: Place): Finding[] {
    return Object.entries(schema.dependencies ?? {}).flatMap(([name, rule]) => {
      if (!Object.hasOwn(value, name)) return [];
      if (!isNameList(rule)) {
        const wrap = `${place.wrap}failed to validate dependent schema for "${name}": `;
        return this.walk(rule, value, { ...place, wrap });
      }
      return rule
        .filter((needed) => !Object.hasOwn(value, needed))
        .map((needed) => ({
          path: place.path,
          code: "SCHEMA_MISSING",
          message: `"${needed}" is missing, "${name}" needs it`,
          apisix: `${place.wrap}property "${needed}" is required when "${name}" is set`,
        }));
    });
  }

  #otherMembers(schema: JsonSchema, value: JsonObject, place: Place): Finding[] {
    const { properties = {}, patternProperties = {}, additionalProperties: rest } = schema;
    const patterns = Object.entries(patternProperties);
    return Object.keys(value).flatMap((name) => {
      const matching = patterns.filter(([pattern]) => this.#pattern(pattern).test(name));
      const findings = matching.flatMap(([pattern, member]) =>
        this.walk(
          member,
          value[name],
          into(place, name, `failed to validate ${name} (matching "${pattern}"): `),
        ),
      );
      if (matching.length > 0 || Object.hasOwn(properties, name)) return findings;
      if (rest === false) return [unknownMember(name, Object.keys(properties), value, place)];
      if (rest === undefined || rest === true) return [];
      return this.walk(
        rest,
        value[name],
        into(place, name, `failed to validate additional property ${name}: `),
      );
    });
  }

  #array(schema: JsonSchema, value: readonly unknown[], place: Place): Finding[] {
    const findings = countItems(schema, value, place);
    const { items } = schema;
    for (const [index, item] of items === undefined ? [] : value.entries()) {
      const itemSchema = isSchemaList(items) ? items[index] : items;
      if (itemSchema === undefined) break;
      findings.push(
        ...this.walk(
          itemSchema,
          item,
          into(place, index, `failed to validate item ${index + 1}: `),
        ),
      );
    }
    const equal = schema.uniqueItems === true ? findEqualItems(value) : null;
    if (equal !== null) {
      const [first, second] = equal;
      findings.push({
        path: `${place.path}/${second}`,
        code: "SCHEMA_DUPLICATE",
        message: `equal to item ${first}`,
        expected: "every item once",
        found: describeValue(value[second], place.path),
        apisix: `${place.wrap}expected unique items but items ${first + 1} and ${second + 1} are equal`,
      });
    }
    return findings;
  }
}

function into(place: Place, key: string | number, wrap: string): Place {
  return { path: `${place.path}/${pointerSegment(key)}`, wrap: place.wrap + wrap };
}

function explainType({ type }: JsonSchema, value: unknown, place: Place): Finding | null {
  if (type === undefined) return null;
  const types = typeof type === "string" ? [type] : type;
  if (types.some((name) => hasType(value, name))) return null;
  const wanted = types.join(" or ");
  return {
    path: place.path,
    code: "SCHEMA_TYPE",
    message: "wrong type",
    expected: wanted,
    found: describeValue(value, place.path),
    ...typeHint(types, value),
    apisix: `${place.wrap}wrong type: expected ${types.length > 1 ? `one of ${types.join(", ")}` : wanted}, got ${luaType(value)}`,
  };
}

function typeHint(types: readonly string[], value: unknown): { hint?: string } {
  const isNumeric = types.includes("integer") || types.includes("number");
  if (value === null) return { hint: "leave the member out instead of null" };
  if (
    typeof value === "string" &&
    isNumeric &&
    value.trim() !== "" &&
    Number.isFinite(Number(value))
  ) {
    return { hint: `write it without quotes: ${value.trim()}` };
  }
  if (typeof value === "string" && types.includes("boolean") && /^(true|false)$/.test(value)) {
    return { hint: `write it without quotes: ${value}` };
  }
  if (typeof value === "number" && types.includes("string"))
    return { hint: `write it in quotes: "${value}"` };
  if (
    types.includes("array") &&
    !types.includes("object") &&
    value !== undefined &&
    !Array.isArray(value)
  ) {
    return { hint: "put it in brackets: […]" };
  }
  return {};
}

function missing(schema: JsonSchema, value: JsonObject, name: string, place: Place): Finding {
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(schema.properties ?? {}, key));
  const meant = didYouMean(name, unknown);
  return {
    path: place.path,
    code: "SCHEMA_MISSING",
    message: `"${name}" is missing`,
    ...(meant === null ? {} : { hint: `is "${meant}" meant to be "${name}"?` }),
    apisix: `${place.wrap}property "${name}" is required`,
  };
}

function unknownMember(
  name: string,
  known: readonly string[],
  value: JsonObject,
  place: Place,
): Finding {
  const free = known.filter((key) => !Object.hasOwn(value, key));
  const meant = didYouMean(name, free);
  return {
    path: `${place.path}/${pointerSegment(name)}`,
    code: "SCHEMA_UNKNOWN",
    message: `"${name}" is not a known field`,
    ...(meant === null ? {} : { hint: `did you mean "${meant}"?` }),
    apisix: `${place.wrap}additional properties forbidden, found ${name}`,
  };
}

function countMembers(schema: JsonSchema, value: JsonObject, place: Place): Finding[] {
  const count = Object.keys(value).length;
  const { minProperties, maxProperties } = schema;
  return [
    ...limit(
      "members",
      count < (minProperties ?? 0),
      "at least",
      minProperties,
      count,
      place,
      "object",
      "properties",
    ),
    ...limit(
      "members",
      count > (maxProperties ?? count),
      "at most",
      maxProperties,
      count,
      place,
      "object",
      "properties",
    ),
  ];
}

function countItems(schema: JsonSchema, value: readonly unknown[], place: Place): Finding[] {
  const { minItems, maxItems } = schema;
  const count = value.length;
  return [
    ...limit(
      "items",
      count < (minItems ?? 0),
      "at least",
      minItems,
      count,
      place,
      "array",
      "items",
    ),
    ...limit(
      "items",
      count > (maxItems ?? count),
      "at most",
      maxItems,
      count,
      place,
      "array",
      "items",
    ),
  ];
}

function limit(
  what: "items" | "members",
  isBroken: boolean,
  word: "at least" | "at most",
  bound: number | undefined,
  count: number,
  place: Place,
  container: "array" | "object",
  apisixWhat: "items" | "properties",
): Finding[] {
  if (!isBroken) return [];
  return [
    {
      path: place.path,
      code: "SCHEMA_SIZE",
      message: `too ${word === "at least" ? "few" : "many"} ${what}`,
      expected: `${word} ${bound}`,
      found: String(count),
      apisix: `${place.wrap}expect ${container} to have ${word} ${bound} ${apisixWhat}`,
    },
  ];
}
