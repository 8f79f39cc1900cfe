import type { JsonSchema } from "@catena/ir";
import { isJsonObject } from "@catena/schema";
import { resolved } from "../definitions.ts";

/** What is known of a value before it is computed. */
export interface Known {
  /** `{}` when nothing is known. */
  readonly schema: JsonSchema;
  /** Whether it may be absent. */
  readonly mayBeMissing: boolean;
}

export const ANYTHING: Known = { schema: {}, mayBeMissing: false };

export function known(schema: JsonSchema, mayBeMissing = false): Known {
  return { schema, mayBeMissing };
}

export function typed(type: string, mayBeMissing = false): Known {
  return known({ type }, mayBeMissing);
}

export function missing(value: Known): Known {
  return { ...value, mayBeMissing: true };
}

/** A value that is one of several; missing when any may be. */
export function oneOf(values: readonly Known[]): Known {
  const schemas = new Map<string, JsonSchema>();
  for (const { schema } of values) {
    for (const branch of branches(schema)) schemas.set(JSON.stringify(branch), branch);
  }
  const mayBeMissing = values.some((value) => value.mayBeMissing);
  const [first, ...others] = schemas.values();
  if (first === undefined || schemas.has("{}")) return known({}, mayBeMissing);
  return known(others.length === 0 ? first : { anyOf: [first, ...others] }, mayBeMissing);
}

/** The schemas a value may be of. */
function branches(schema: JsonSchema): readonly JsonSchema[] {
  const { anyOf } = schema;
  const isUnion = Array.isArray(anyOf) && Object.keys(schema).length === 1;
  return isUnion ? anyOf.filter(isJsonObject).flatMap(branches) : [schema];
}

/** An object's members: those that are always there are required. */
export function objectOf(members: readonly (readonly [name: string, value: Known])[]): Known {
  const required = members.filter(([, value]) => !value.mayBeMissing).map(([name]) => name);
  return known({
    type: "object",
    properties: Object.fromEntries(members.map(([name, { schema }]) => [name, schema])),
    ...(required.length === 0 ? {} : { required }),
  });
}

/** A list; an item that may be missing is `null` in it. */
export function listOf(item: Known): Known {
  return known({ type: "array", items: orNull(item).schema });
}

/** What is missing is `null` in a list. */
export function orNull(value: Known): Known {
  return value.mayBeMissing ? oneOf([known(value.schema), typed("null")]) : value;
}

/** A value without the `null` it may be: what is left when a default takes its place. */
export function present({ schema }: Known): Known {
  const left = branches(schema).filter((branch) => branch["type"] !== "null");
  return left.length === 0 ? known({}) : oneOf(left.map((branch) => known(branch)));
}

const SCALARS: ReadonlySet<unknown> = new Set(["null", "string", "number", "integer", "boolean"]);

/** A member by name or an item by index; anything when the schema does not say. */
export function memberOf(value: Known, segment: string | number): Known {
  const all = branches(value.schema);
  // A scalar has no members: what is reached through it is missing.
  const holders = all.map(resolved).filter((branch) => !SCALARS.has(branch["type"]));
  if (holders.length === 0) return missing(ANYTHING);
  const member = oneOf(holders.map((branch) => memberOfBranch(branch, segment)));
  return value.mayBeMissing || holders.length < all.length ? missing(member) : member;
}

function memberOfBranch(schema: JsonSchema, segment: string | number): Known {
  const { properties, required, items, prefixItems, type } = schema;
  if (type === "array") {
    const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
    const item: unknown = typeof segment === "number" ? (tuple[segment] ?? items) : undefined;
    const isThere = typeof segment === "number" && segment < tuple.length;
    return isJsonObject(item) ? known(item, !isThere) : missing(ANYTHING);
  }
  const name = String(segment);
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) {
    const member = properties[name];
    const isRequired = Array.isArray(required) && required.includes(name);
    return isJsonObject(member) ? known(member, !isRequired) : missing(ANYTHING);
  }
  return missing(ANYTHING);
}

/** The schema of a list's items. */
export function itemOf(value: Known): Known {
  const items = branches(value.schema).map((branch) => resolved(branch)["items"]);
  const found = items.filter(isJsonObject);
  return found.length === items.length ? oneOf(found.map((item) => known(item))) : ANYTHING;
}

/** The members of an object schema; `null` when it is none, or says too little. */
export function membersOf({ schema }: Known): readonly (readonly [string, Known])[] | null {
  const { type, properties, required } = resolved(schema);
  if (type !== "object" || !isJsonObject(properties)) return null;
  const names = Array.isArray(required) ? required : [];
  return Object.entries(properties).flatMap(([name, member]) =>
    isJsonObject(member) ? [[name, known(member, !names.includes(name))] as const] : [],
  );
}
