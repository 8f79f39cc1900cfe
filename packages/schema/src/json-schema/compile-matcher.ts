import { isDeepStrictEqual } from "node:util";
import { isObjectLike, type JsonObject, type JsonSchema } from "./json-schema.ts";
import {
  countCharacters,
  hasFormat,
  hasType,
  isSecretReference,
  patternOf,
} from "./value-tests.ts";

export type Matcher = (value: unknown) => boolean;

export interface MatcherOptions {
  /** Strings that are secret references satisfy every limit on strings. */
  readonly secretReferences: boolean;
  /** Makes patterns of schemas that others wrote; without it they run on the backtracking engine. */
  readonly compilePattern?: (source: string) => TextTest;
}

export interface TextTest {
  test(text: string): boolean;
}

/** Turns a schema into a yes-or-no function; every keyword of {@link JsonSchema} counts. */
export function compileMatcher(schema: JsonSchema, options: MatcherOptions): Matcher {
  return new MatcherBuilder(options).build(schema);
}

class MatcherBuilder {
  readonly #options: MatcherOptions;
  readonly #byId = new Map<string, Matcher>();

  constructor(options: MatcherOptions) {
    this.#options = options;
  }

  build(schema: JsonSchema): Matcher {
    const { $ref, $id } = schema;
    // Looked up when called: the schema referred to may still be under construction.
    if ($ref !== undefined) return (value) => this.#byId.get($ref)?.(value) ?? false;
    const tests = [
      ...this.#general(schema),
      ...this.#object(schema),
      ...this.#array(schema),
      ...this.#string(schema),
      ...number(schema),
      ...this.#compound(schema),
    ];
    const [first, second] = tests;
    const matcher =
      first === undefined
        ? () => true
        : second === undefined
          ? first
          : (value: unknown) => tests.every((test) => test(value));
    if ($id !== undefined) this.#byId.set($id, matcher);
    return matcher;
  }

  *#general(schema: JsonSchema): Iterable<Matcher> {
    const { type, enum: members } = schema;
    if (typeof type === "string") yield (value) => hasType(value, type);
    else if (type !== undefined) yield (value) => type.some((name) => hasType(value, name));
    if (members !== undefined) {
      yield (value) => members.some((member) => isDeepStrictEqual(member, value));
    }
    if ("const" in schema) yield (value) => isDeepStrictEqual(schema.const, value);
  }

  *#object(schema: JsonSchema): Iterable<Matcher> {
    const { required, minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema;
    if (required !== undefined && required.length > 0) {
      yield onObject((value) => required.every((name) => Object.hasOwn(value, name)));
    }
    if (minProperties > 0 || maxProperties !== Number.POSITIVE_INFINITY) {
      yield onObject((value) => {
        const count = Object.keys(value).length;
        return count >= minProperties && count <= maxProperties;
      });
    }
    yield* this.#members(schema);
    for (const [name, rule] of Object.entries(schema.dependencies ?? {})) {
      const test = isNameList(rule) ? this.build({ required: rule }) : this.build(rule);
      yield onObject((value) => !Object.hasOwn(value, name) || test(value));
    }
  }

  *#members(schema: JsonSchema): Iterable<Matcher> {
    const { additionalProperties: rest } = schema;
    const named = new Map(
      Object.entries(schema.properties ?? {}).map(([name, sub]) => [name, this.build(sub)]),
    );
    const patterned = Object.entries(schema.patternProperties ?? {}).map(
      ([pattern, sub]) => [this.#pattern(pattern), this.build(sub)] as const,
    );
    const others: Matcher =
      rest === undefined || rest === true
        ? () => true
        : rest === false
          ? () => false
          : this.build(rest);
    if (named.size === 0 && patterned.length === 0 && (rest === undefined || rest === true)) return;
    yield onObject((value) =>
      Object.keys(value).every((name) => {
        const member = value[name];
        const own = named.get(name);
        if (own !== undefined && !own(member)) return false;
        const matching = patterned.filter(([pattern]) => pattern.test(name));
        if (!matching.every(([, test]) => test(member))) return false;
        return own !== undefined || matching.length > 0 || others(member);
      }),
    );
  }

  *#array(schema: JsonSchema): Iterable<Matcher> {
    const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY, uniqueItems } = schema;
    if (minItems > 0 || maxItems !== Number.POSITIVE_INFINITY) {
      yield (value) =>
        !Array.isArray(value) || (value.length >= minItems && value.length <= maxItems);
    }
    if (isSchemaList(items)) {
      const tests = items.map((item) => this.build(item));
      yield (value) =>
        !Array.isArray(value) || tests.every((test, i) => i >= value.length || test(value[i]));
    } else if (items !== undefined) {
      const test = this.build(items);
      yield (value) => !Array.isArray(value) || value.every(test);
    }
    if (uniqueItems === true) {
      yield (value) => !Array.isArray(value) || findEqualItems(value) === null;
    }
  }

  *#string(schema: JsonSchema): Iterable<Matcher> {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
    const { secretReferences } = this.#options;
    const onString = (test: (text: string) => boolean): Matcher => {
      return (value) =>
        typeof value !== "string" || (secretReferences && isSecretReference(value)) || test(value);
    };
    if (minLength > 0 || maxLength !== Number.POSITIVE_INFINITY) {
      yield onString((text) => {
        const length = countCharacters(text);
        return length >= minLength && length <= maxLength;
      });
    }
    if (pattern !== undefined) {
      const expression = this.#pattern(pattern);
      yield onString((text) => expression.test(text));
    }
    if (format !== undefined) yield onString((text) => hasFormat(text, format));
  }

  #pattern(source: string): TextTest {
    return (this.#options.compilePattern ?? patternOf)(source);
  }

  *#compound(schema: JsonSchema): Iterable<Matcher> {
    if (schema.allOf !== undefined) yield* schema.allOf.map((sub) => this.build(sub));
    if (schema.anyOf !== undefined) {
      const tests = schema.anyOf.map((sub) => this.build(sub));
      yield (value) => tests.some((test) => test(value));
    }
    if (schema.oneOf !== undefined) {
      const tests = schema.oneOf.map((sub) => this.build(sub));
      yield (value) => tests.filter((test) => test(value)).length === 1;
    }
    if (schema.not !== undefined) {
      const test = this.build(schema.not);
      yield (value) => !test(value);
    }
    if (schema.if !== undefined) {
      const condition = this.build(schema.if);
      const whenTrue = schema.then === undefined ? () => true : this.build(schema.then);
      const whenFalse = schema.else === undefined ? () => true : this.build(schema.else);
      yield (value) => (condition(value) ? whenTrue(value) : whenFalse(value));
    }
  }
}

function* number(schema: JsonSchema): Iterable<Matcher> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const onNumber = (test: (value: number) => boolean): Matcher => {
    return (value) => typeof value !== "number" || test(value);
  };
  if (minimum !== undefined) yield onNumber((value) => value >= minimum);
  if (maximum !== undefined) yield onNumber((value) => value <= maximum);
  if (exclusiveMinimum !== undefined) yield onNumber((value) => value > exclusiveMinimum);
  if (exclusiveMaximum !== undefined) yield onNumber((value) => value < exclusiveMaximum);
  if (multipleOf !== undefined) yield onNumber((value) => Number.isInteger(value / multipleOf));
}

function onObject(test: (value: JsonObject) => boolean): Matcher {
  return (value) => !isObjectLike(value) || test(value);
}

/** @returns the indexes of two equal items, or `null`. */
export function findEqualItems(items: readonly unknown[]): readonly [number, number] | null {
  const scalars = new Map<unknown, number>();
  const compounds: number[] = [];
  for (const [second, item] of items.entries()) {
    if (typeof item === "object" && item !== null) {
      const first = compounds.find((index) => isDeepStrictEqual(items[index], item));
      if (first !== undefined) return [first, second];
      compounds.push(second);
    } else {
      const first = scalars.get(item);
      if (first !== undefined) return [first, second];
      scalars.set(item, second);
    }
  }
  return null;
}

export function isNameList(rule: readonly string[] | JsonSchema): rule is readonly string[] {
  return Array.isArray(rule);
}

export function isSchemaList(
  items: JsonSchema | readonly JsonSchema[] | undefined,
): items is readonly JsonSchema[] {
  return Array.isArray(items);
}
