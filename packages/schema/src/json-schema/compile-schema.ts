import { Kind, type Static, type TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { compileMatcher, type Matcher, type MatcherOptions } from "./compile-matcher.ts";
import { explainSchema } from "./explain-schema.ts";
import { type Finding, type Place, ROOT } from "./finding.ts";
import { isJsonObject, type JsonSchema } from "./json-schema.ts";

/** A schema made ready to check many values. */
export interface SchemaChecker<T extends TSchema> {
  readonly schema: T;
  accepts(value: unknown): value is Static<T>;
  /** Everything wrong with a value; empty exactly when it is accepted. */
  explain(value: unknown, place?: Place): readonly Finding[];
}

/**
 * Compiles a schema on first use. Generated code accepts most valid values; what it refuses is
 * judged by the reference matcher, which also knows what the generated code does not: limits count
 * characters instead of UTF-16 units, `[]` passes for `{}`, and secret references, where allowed,
 * satisfy limits on strings.
 */
export function compileSchema<T extends TSchema>(
  schema: T,
  options: MatcherOptions = { secretReferences: false },
): SchemaChecker<T> {
  let fast: Matcher | null = null;
  let reference: Matcher | null = null;
  const accepts = (value: unknown): value is Static<T> => {
    fast ??= compileFast(schema, options);
    if (fast(value)) return true;
    reference ??= compileMatcher(schema, options);
    return reference(value);
  };
  return {
    schema,
    accepts,
    explain: (value, place = ROOT) =>
      accepts(value) ? [] : explainSchema(schema, value, place, options),
  };
}

function compileFast(schema: TSchema, options: MatcherOptions): Matcher {
  const generated = TypeCompiler.Compile(schema);
  const rest = buildRest(schema, options);
  if (rest === null) return (value) => generated.Check(value);
  return (value) => generated.Check(value) && rest(value);
}

/**
 * TypeBox generates code for its own kinds and ignores further keywords beside them (`enum` on a
 * string, `oneOf` on an object). This builds the test for those, or `null` where there are none.
 */
function buildRest(schema: TSchema, options: MatcherOptions): Matcher | null {
  if (!hasRest(schema, new Set())) return null;
  const json: JsonSchema = schema;
  const isPlainObject =
    schema[Kind] === "Object" &&
    json.$id === undefined &&
    json.patternProperties === undefined &&
    typeof json.additionalProperties !== "object";
  // Behind an item, a branch or a reference such a keyword is rare: the whole part is judged anew.
  if (!isPlainObject) return compileMatcher(json, options);
  const own = compileMatcher(ownRest(json, "Object"), options);
  const members = Object.entries(json.properties ?? {}).flatMap(([name, part]) => {
    const test = buildRest(part as TSchema, options); // the members of a TypeBox object are TypeBox
    return test === null ? [] : [[name, test] as const];
  });
  return (value) =>
    own(value) &&
    (!isJsonObject(value) ||
      members.every(([name, test]) => !Object.hasOwn(value, name) || test(value[name])));
}

function ownRest(json: JsonSchema, kind: string): JsonSchema {
  const { minLength = 0, enum: list, dependencies, allOf, anyOf, oneOf, not } = json;
  return {
    // Generated code counts UTF-16 units, so two of them may be one character too few.
    ...(minLength > 1 ? { minLength } : {}),
    ...(list === undefined ? {} : { enum: list }),
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(allOf === undefined || kind === "Intersect" ? {} : { allOf }),
    ...(anyOf === undefined || kind === "Union" ? {} : { anyOf }),
    ...(oneOf === undefined ? {} : { oneOf }),
    ...(not === undefined || kind === "Not" ? {} : { not }),
    ...(json.if === undefined ? {} : { if: json.if }),
    // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
    ...(json.then === undefined ? {} : { then: json.then }),
    ...(json.else === undefined ? {} : { else: json.else }),
  };
}

function hasRest(schema: JsonSchema, seen: Set<JsonSchema>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const kind = kindOf(schema);
  if (Object.keys(ownRest(schema, kind)).length > 0) return true;
  return [
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
    ...(typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : []),
    ...(schema.items === undefined ? [] : [schema.items].flat()),
    ...(kind === "Union" ? (schema.anyOf ?? []) : []),
    ...(kind === "Intersect" ? (schema.allOf ?? []) : []),
  ].some((part) => hasRest(part, seen));
}

function kindOf(schema: JsonSchema): string {
  // Sub-schemas of a TypeBox schema carry their kind; plain JSON Schema inside has none.
  return (schema as { readonly [Kind]?: string })[Kind] ?? "";
}
