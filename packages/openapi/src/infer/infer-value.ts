import {
  isStoredLiteral,
  isStoredObject,
  isStoredOperation,
  isStoredReference,
  operators,
  type StoredOperation,
  type StoredValue,
} from "@catena/ir";
import {
  ANYTHING,
  itemOf,
  type Known,
  known,
  listOf,
  memberOf,
  membersOf,
  missing,
  objectOf,
  oneOf,
  orNull,
  present,
  typed,
} from "./known.ts";

/** What is known of everything a value can refer to. */
export interface InferScope {
  readonly input: Known;
  readonly steps: ReadonlyMap<string, Known>;
  /** Inside an `each`. */
  readonly item?: Known;
}

/** Finds what a stored value will be, from the schemas of what it is made of. */
export function inferValue(value: StoredValue, scope: InferScope): Known {
  if (isStoredReference(value)) return inferReference(value.$ref, scope);
  if (isStoredOperation(value)) return inferOperation(value, scope);
  if (isStoredLiteral(value)) return inferLiteral(value.$literal);
  if (Array.isArray(value)) {
    if (value.length === 0) return known({ type: "array", items: {} });
    const items = value.map((item) => orNull(inferValue(item, scope)).schema);
    return known({ type: "array", prefixItems: items, items: false, minItems: items.length });
  }
  if (isStoredObject(value)) {
    return objectOf(
      Object.entries(value).map(([name, member]) => [name, inferValue(member, scope)]),
    );
  }
  return inferLiteral(value);
}

function inferLiteral(json: unknown): Known {
  if (json === null) return typed("null");
  if (Array.isArray(json)) {
    return json.length === 0
      ? known({ type: "array", items: {} })
      : listOf(oneOf(json.map(inferLiteral)));
  }
  if (typeof json === "object") {
    return objectOf(Object.entries(json).map(([name, member]) => [name, inferLiteral(member)]));
  }
  return typed(typeof json);
}

function inferReference(
  [head, ...path]: readonly [string, ...(string | number)[]],
  scope: InferScope,
): Known {
  const from =
    head === "input"
      ? scope.input
      : head === "item"
        ? (scope.item ?? ANYTHING)
        : head === "index"
          ? typed("integer")
          : (scope.steps.get(head) ?? ANYTHING);
  return path.reduce(memberOf, from);
}

type Infer = (args: readonly Known[], stored: readonly StoredValue[]) => Known;

/** Operators whose result depends on their arguments. */
const INFER: Readonly<Record<string, Infer>> = {
  coalesce: (args) => {
    const last = args.at(-1) ?? ANYTHING;
    return oneOf([...args.slice(0, -1).map(present), last]);
  },
  concat: (args) => listOf(oneOf(args.map(itemOf))),
  first: ([list = ANYTHING]) => missing(itemOf(list)),
  get: ([from = ANYTHING], [, ...path]) =>
    path.reduce<Known>(
      (reached, segment) =>
        typeof segment === "string" || typeof segment === "number"
          ? memberOf(reached, segment)
          : ANYTHING,
      from,
    ),
  header: () => typed("string", true),
  headers: () => known({ type: "array", items: { type: "string" } }, true),
  if: ([, whenTrue = ANYTHING, whenFalse = ANYTHING]) => oneOf([whenTrue, whenFalse]),
  keys: ([object = ANYTHING]) =>
    known({ type: "array", items: { type: "string" } }, object.mayBeMissing),
  last: ([list = ANYTHING]) => missing(itemOf(list)),
  merge: ([, ...objects], [mode]) => inferMerge(objects, mode),
  number: () => typed("number", true),
  object: (args, stored) => inferObject(args, stored),
  omit: ([object = ANYTHING], [, names]) => inferMembers(object, names, false),
  parseDate: () => typed("number", true),
  pick: ([object = ANYTHING], [, names]) => inferMembers(object, names, true),
  split: () => known({ type: "array", items: { type: "string" } }),
  status: () => typed("integer", true),
};

/** Operators that are never missing, whatever they are given. */
const ALWAYS: ReadonlySet<string> = new Set(["now", "uuid", "json"]);

function inferOperation({ $op, args }: StoredOperation, scope: InferScope): Known {
  const inferred = args.map((arg) => inferValue(arg, scope));
  const infer = Object.hasOwn(INFER, $op) ? INFER[$op] : undefined;
  if (infer !== undefined) return infer(inferred, args);
  const { returns = "any" } = operators.get($op) ?? {};
  if (returns === "any") return missing(ANYTHING);
  // Comparisons give an answer to everything; what computes gives nothing of nothing.
  const isMissing = inferred.some((arg) => arg.mayBeMissing);
  return typed(returns, isMissing && returns !== "boolean" && !ALWAYS.has($op));
}

function inferMerge(objects: readonly Known[], mode: StoredValue | undefined): Known {
  const members = new Map<string, Known>();
  for (const object of objects) {
    const own = membersOf(object);
    if (own === null || mode === "deep") return typed("object");
    for (const [name, value] of own) {
      const before = members.get(name);
      const isSure = !value.mayBeMissing && !object.mayBeMissing;
      const after = object.mayBeMissing ? missing(value) : value;
      members.set(name, isSure || before === undefined ? after : over(before, after));
    }
  }
  return objectOf([...members]);
}

/** A member that may be left as it was. */
function over(before: Known, after: Known): Known {
  return { ...oneOf([before, after]), mayBeMissing: before.mayBeMissing };
}

function inferObject(args: readonly Known[], stored: readonly StoredValue[]): Known {
  const members: [string, Known][] = [];
  const computed: Known[] = [];
  for (const [index, name] of stored.entries()) {
    if (index % 2 === 1) continue;
    const value = args[index + 1] ?? ANYTHING;
    if (typeof name === "string") members.push([name, value]);
    else computed.push(value);
  }
  if (computed.length === 0) return objectOf(members);
  const { schema } = oneOf([...members.map(([, value]) => value), ...computed]);
  return known({ type: "object", additionalProperties: schema });
}

function inferMembers(object: Known, names: StoredValue | undefined, isPick: boolean): Known {
  const members = membersOf(object);
  const listed: readonly unknown[] = Array.isArray(names) ? names : [];
  if (members === null) return typed("object", object.mayBeMissing);
  const kept = members.filter(([name]) => listed.includes(name) === isPick);
  return { ...objectOf(kept), mayBeMissing: object.mayBeMissing };
}
