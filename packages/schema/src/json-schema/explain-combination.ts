import { notListed } from "./explain-scalar.ts";
import type { Walk } from "./explain-schema.ts";
import { describeValue, type Finding, type Place } from "./finding.ts";
import { isObjectLike, type JsonObject, type JsonSchema } from "./json-schema.ts";
import { hasType } from "./value-tests.ts";

/** What `allOf`, `anyOf`, `oneOf`, `not` and `if` have against a value. */
export function explainCombination(
  walk: Walk,
  schema: JsonSchema,
  value: unknown,
  place: Place,
): Finding[] {
  const all = (schema.allOf ?? []).flatMap((part, index) =>
    walk.walk(part, value, { ...place, wrap: `${place.wrap}allOf ${index + 1} failed: ` }),
  );
  return [
    ...all,
    ...explainAnyOf(walk, schema.anyOf ?? [], value, place),
    ...explainOneOf(walk, schema.oneOf ?? [], value, place),
    ...explainNot(walk, schema, value, place),
    ...explainIf(walk, schema, value, place),
  ];
}

function explainAnyOf(
  walk: Walk,
  branches: readonly JsonSchema[],
  value: unknown,
  place: Place,
): Finding[] {
  if (branches.length === 0 || branches.some((branch) => walk.accepts(branch, value))) return [];
  const constants = branches.filter((branch) => "const" in branch);
  // A TypeBox union of literals is what APISIX's schemas write as an enum.
  if (constants.length === branches.length) {
    return [
      notListed(
        constants.map((branch) => branch.const),
        value,
        place,
      ),
    ];
  }
  const lists = branches.flatMap((branch) =>
    branch.required === undefined ? [] : [branch.required],
  );
  const listing = lists.map((names) => JSON.stringify(names)).join(" or ");
  const apisix = `${place.wrap}object matches none of the required${listing === "" ? "" : `: ${listing}`}`;
  return explainBranches(walk, branches, value, place, apisix);
}

function explainOneOf(
  walk: Walk,
  branches: readonly JsonSchema[],
  value: unknown,
  place: Place,
): Finding[] {
  if (branches.length === 0) return [];
  const matching = branches.flatMap((branch, index) =>
    walk.accepts(branch, value) ? [index] : [],
  );
  const [first, second] = matching;
  const failed = `${place.wrap}value should match only one schema, but matches`;
  if (first === undefined) {
    return explainBranches(walk, branches, value, place, `${failed} none`);
  }
  if (second === undefined) return [];
  const names = [...new Set(matching.flatMap((index) => branches[index]?.required ?? []))];
  const given = isObjectLike(value) ? names.filter((name) => Object.hasOwn(value, name)) : [];
  const exclusive = given.map((name) => `"${name}"`).join(" and ");
  return [
    {
      path: place.path,
      code: "SCHEMA_EXCLUSIVE",
      message:
        given.length > 1
          ? `${exclusive} exclude each other`
          : "matches several of the forms allowed here",
      apisix: `${failed} both schemas ${first + 1} and ${second + 1}`,
    },
  ];
}

/** No branch fits: tells what is missing, or what the branch that was probably meant says. */
function explainBranches(
  walk: Walk,
  branches: readonly JsonSchema[],
  value: unknown,
  place: Place,
  apisix: string,
): Finding[] {
  const needed = isObjectLike(value) ? missingLists(branches, value) : [];
  if (needed.length > 0) {
    const words = needed.map((names) => names.map((name) => `"${name}"`).join(" with ")).join(", ");
    const message = needed.length === 1 ? `${words} is missing` : `one of ${words} is missing`;
    return [{ path: place.path, code: "SCHEMA_MISSING", message, apisix }];
  }
  const meant = branches.filter((branch) => fitsType(branch, value));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) {
    return walk.walk(only, value, place).map((finding) => ({ ...finding, apisix }));
  }
  const titles = branches.map((branch) => branch.title ?? branch.type ?? "");
  return [
    {
      path: place.path,
      code: "SCHEMA_FORM",
      message: "none of the forms allowed here",
      ...(titles.includes("") ? {} : { expected: [...new Set(titles.flat())].join(" or ") }),
      found: describeValue(value, place.path),
      apisix,
    },
  ];
}

/** The shortest lists of absent members, when every branch fails for want of one. */
function missingLists(branches: readonly JsonSchema[], value: JsonObject): readonly string[][] {
  const lists = branches
    .filter((branch) => branch.required !== undefined && branch.type === undefined)
    .map((branch) => (branch.required ?? []).filter((name) => !Object.hasOwn(value, name)))
    .filter((names) => names.length > 0);
  const shortest = Math.min(...lists.map((names) => names.length));
  const unique = new Map(
    lists.filter((names) => names.length === shortest).map((names) => [names.join(), names]),
  );
  return [...unique.values()];
}

function fitsType({ type }: JsonSchema, value: unknown): boolean {
  if (type === undefined) return false;
  return (typeof type === "string" ? [type] : type).some((name) => hasType(value, name));
}

function explainNot(walk: Walk, schema: JsonSchema, value: unknown, place: Place): Finding[] {
  const { not } = schema;
  if (not === undefined || !walk.accepts(not, value)) return [];
  const branch = (not.anyOf ?? [not]).find((part) => walk.accepts(part, value));
  const names = (branch?.required ?? []).map((name) => `"${name}"`).join(" and ");
  return [
    {
      path: place.path,
      code: "SCHEMA_EXCLUSIVE",
      message: names === "" ? "has a form that is not allowed here" : `${names} exclude each other`,
      apisix: `${place.wrap}value wasn't supposed to match schema`,
    },
  ];
}

function explainIf(walk: Walk, schema: JsonSchema, value: unknown, place: Place): Finding[] {
  if (schema.if === undefined) return [];
  const isTrue = walk.accepts(schema.if, value);
  const branch = isTrue ? schema.then : schema.else;
  if (branch === undefined || walk.accepts(branch, value)) return [];
  const apisix = `${place.wrap}${isTrue ? "then" : "else"} clause did not match`;
  return walk.walk(branch, value, place).map((finding) => ({ ...finding, apisix }));
}
