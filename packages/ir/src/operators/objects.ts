import { irErrors } from "../errors.ts";
import type { StoredValue } from "../stored-chain.ts";
import {
  isPresent,
  isRecord,
  type Operator,
  recordArgument,
  rest,
  setOwn,
  text,
  textArgument,
  value,
} from "./operator.ts";

/** Deep merges stop following here; deeper members are replaced, not merged. */
const MERGE_DEPTH = 64;

const names = { name: "key", kind: "texts" } as const;

export const get: Operator = {
  name: "get",
  doc: "A member or an item reached by names and indexes; absent where the way ends",
  params: [value("value"), { name: "segment", kind: "segment", rest: true }],
  returns: "any",
  evaluate([from, ...path]) {
    let reached = from;
    for (const segment of path) {
      if (Array.isArray(reached)) reached = itemAt(reached, segment);
      else if (!isRecord(reached) || !Object.hasOwn(reached, String(segment))) return undefined;
      else reached = reached[String(segment)];
    }
    return reached;
  },
};

/** An index is written as one: `0` and `"0"`, not `""` nor `"00"`. */
function itemAt(items: readonly unknown[], segment: unknown): unknown {
  const index = Number(segment);
  return String(index) === String(segment) ? items[index] : undefined;
}

export const pick: Operator = {
  name: "pick",
  doc: "An object with only the named members of another",
  params: [value("object"), names],
  returns: "object",
  evaluate([object, keys]) {
    if (!isPresent(object)) return undefined;
    const source = recordArgument("pick", object);
    const picked: Record<string, unknown> = {};
    for (const key of keyList(keys)) {
      if (Object.hasOwn(source, key)) setOwn(picked, key, source[key]);
    }
    return picked;
  },
};

export const omit: Operator = {
  name: "omit",
  doc: "An object without the named members",
  params: [value("object"), names],
  returns: "object",
  evaluate([object, keys]) {
    if (!isPresent(object)) return undefined;
    const left: Record<string, unknown> = {};
    const dropped = new Set(keyList(keys));
    for (const [key, member] of Object.entries(recordArgument("omit", object))) {
      if (!dropped.has(key)) setOwn(left, key, member);
    }
    return left;
  },
};

export const merge: Operator = {
  name: "merge",
  doc: "Members of all objects, later ones winning; absent and null ones are passed over",
  params: [text("mode", ["shallow", "deep", "error-on-collision"]), rest("object")],
  returns: "object",
  evaluate([mode, ...objects]) {
    const merged: Record<string, unknown> = {};
    for (const object of objects) {
      if (!isPresent(object)) continue;
      const source = recordArgument("merge", object);
      if (mode === "deep") mergeDeep(merged, source, 0);
      else mergeShallow(merged, source, mode === "error-on-collision");
    }
    return merged;
  },
};

function mergeShallow(
  target: Record<string, unknown>,
  source: Readonly<Record<string, unknown>>,
  refuseCollision: boolean,
): void {
  for (const [key, member] of Object.entries(source)) {
    if (refuseCollision && Object.hasOwn(target, key)) {
      throw irErrors.VALUE_COLLISION({ operator: "merge", key });
    }
    setOwn(target, key, member);
  }
}

function mergeDeep(
  target: Record<string, unknown>,
  source: Readonly<Record<string, unknown>>,
  depth: number,
): void {
  for (const [key, member] of Object.entries(source)) {
    const earlier = Object.hasOwn(target, key) ? target[key] : undefined;
    if (depth < MERGE_DEPTH && isRecord(earlier) && isRecord(member)) {
      const copy = { ...earlier };
      mergeDeep(copy, member, depth + 1);
      setOwn(target, key, copy);
    } else setOwn(target, key, member);
  }
}

export const keys: Operator = {
  name: "keys",
  doc: "The names of an object's members, in their order",
  params: [value("object")],
  returns: "array",
  evaluate: ([object]) =>
    isPresent(object) ? Object.keys(recordArgument("keys", object)) : undefined,
};

export const object: Operator = {
  name: "object",
  doc: "An object of alternating names and values; for names that are computed or start with $",
  params: [rest("nameOrValue")],
  returns: "object",
  check: (args) => (args.length % 2 === 0 ? null : "needs a value for each name"),
  evaluate(args) {
    const made: Record<string, unknown> = {};
    for (let i = 0; i + 1 < args.length; i += 2) {
      const member = args[i + 1];
      if (member !== undefined) setOwn(made, textArgument("object", args[i]), member);
    }
    return made;
  },
};

/** `texts` arguments are checked when a chain is built, so this only narrows. */
function keyList(given: unknown): readonly string[] {
  return Array.isArray(given) ? given.filter((key) => typeof key === "string") : [];
}

/** Whether a stored argument is a list of literal texts. */
export function isTextList(given: StoredValue | undefined): given is readonly string[] {
  return Array.isArray(given) && given.every((item) => typeof item === "string");
}
