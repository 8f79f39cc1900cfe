import { irErrors, MAX_ITEMS } from "@catena/ir";
import {
  arraySlices,
  getPath,
  JsonObjectSlices,
  mergeSlices,
  scanObject,
  writeSlices,
} from "@catena/json";
import type { CompiledValue } from "./compiled-value.ts";
import { kindOf, type Raw } from "./json-view.ts";
import { rawToText } from "./landing.ts";
import type { Scope } from "./scope.ts";

/**
 * Operators that only move values about, computed on JSON text: what they move keeps every digit,
 * where their definitions in `@catena/ir` work on decoded values and would have to refuse a number
 * that a double cannot hold. `structural.test.ts` holds the two to the same results.
 */
type Structural = (args: readonly CompiledValue[], scope: Scope) => Raw;

/** Deep merges stop following here, as in the operator's definition. */
const MERGE_DEPTH = 64;
const MAX_DEPTH = 1000;

const yes = (condition: boolean): Raw => (condition ? "true" : "false");
const isAbsent = (raw: Raw): raw is undefined | "null" => raw === undefined || raw === "null";
const at = (args: readonly CompiledValue[], index: number, scope: Scope): Raw =>
  args[index]?.json(scope);

/** Whether a condition holds: only `true` does. */
export function holds(condition: CompiledValue, scope: Scope): boolean {
  return condition.json(scope) === "true";
}

const coalesce: Structural = (args, scope) => {
  for (const arg of args) {
    const raw = arg.json(scope);
    if (!isAbsent(raw)) return raw;
  }
  return undefined;
};

const ifElse: Structural = (args, scope) => at(args, at(args, 0, scope) === "true" ? 1 : 2, scope);

const get: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  if (raw === undefined) return undefined;
  const path = args.slice(1).map((arg) => arg.decoded(scope));
  return (
    getPath(
      raw,
      path.map((segment) => (typeof segment === "number" ? segment : String(segment))),
    ) ?? undefined
  );
};

const concat: Structural = (args, scope) => {
  const parts: string[] = [];
  for (const arg of args) {
    const raw = arg.json(scope);
    if (isAbsent(raw)) continue;
    for (const element of elements("concat", raw)) parts.push(element);
    if (parts.length > MAX_ITEMS)
      throw irErrors.VALUE_TOO_LARGE({ operator: "concat", limit: MAX_ITEMS });
  }
  return `[${parts.join(",")}]`;
};

const first: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  return isAbsent(raw) ? undefined : elements("first", raw)[0];
};

const last: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  return isAbsent(raw) ? undefined : elements("last", raw).at(-1);
};

const length: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  if (isAbsent(raw)) return undefined;
  switch (kindOf(raw)) {
    case "array":
      return String(elements("length", raw).length);
    case "object":
      return String(members("length", raw).size);
    case "string":
      return String([...(rawToText(raw) ?? "")].length);
    default:
      throw wrong("length", "an array, an object or a string", raw);
  }
};

const keys: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  return isAbsent(raw) ? undefined : JSON.stringify(members("keys", raw).keys);
};

const pick: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  if (isAbsent(raw)) return undefined;
  const source = members("pick", raw);
  const picked = new JsonObjectSlices();
  for (const key of texts(args[1], scope)) {
    const member = source.get(key);
    if (member !== undefined) picked.set(key, member);
  }
  return writeSlices(picked);
};

const omit: Structural = (args, scope) => {
  const raw = at(args, 0, scope);
  if (isAbsent(raw)) return undefined;
  const dropped = new Set(texts(args[1], scope));
  const left = new JsonObjectSlices();
  const source = members("omit", raw);
  for (const [i, key] of source.keys.entries())
    if (!dropped.has(key)) left.set(key, source.valueAt(i) ?? "null");
  return writeSlices(left);
};

const merge: Structural = (args, scope) => {
  const [mode, ...objects] = args;
  const how = mode?.decoded(scope);
  const merged = new JsonObjectSlices();
  for (const object of objects) {
    const raw = object.json(scope);
    if (isAbsent(raw)) continue;
    const source = members("merge", raw);
    if (how === "deep") mergeDeep(merged, source, 0);
    else {
      if (how === "error-on-collision") refuseCollision(merged, source);
      mergeSlices(merged, source);
    }
  }
  return writeSlices(merged);
};

const object: Structural = (args, scope) => {
  const made = new JsonObjectSlices();
  for (let i = 0; i + 1 < args.length; i += 2) {
    const member = at(args, i + 1, scope);
    if (member === undefined) continue;
    const name = at(args, i, scope);
    if (name === undefined || kindOf(name) !== "string") throw wrong("object", "a string", name);
    made.set(rawToText(name) ?? "", member);
  }
  return writeSlices(made);
};

/** Equal texts are equal values, also those a double cannot hold. */
const eq: Structural = (args, scope) => {
  const [a, b] = [at(args, 0, scope), at(args, 1, scope)];
  if (a === b) return "true";
  if (a === undefined || b === undefined) return "false";
  return undefined;
};

/** By the operator's name. A result of `undefined` from `eq` and `ne` leaves it to the definition. */
export const structural: ReadonlyMap<string, Structural> = new Map([
  ["and", (args, scope) => yes(args.every((arg) => holds(arg, scope)))],
  ["or", (args, scope) => yes(args.some((arg) => holds(arg, scope)))],
  ["not", (args, scope) => yes(at(args, 0, scope) !== "true")],
  ["exists", (args, scope) => yes(!isAbsent(at(args, 0, scope)))],
  ["coalesce", coalesce],
  ["if", ifElse],
  ["get", get],
  ["concat", concat],
  ["first", first],
  ["last", last],
  ["length", length],
  ["keys", keys],
  ["pick", pick],
  ["omit", omit],
  ["merge", merge],
  ["object", object],
]);

export { eq as equalText };

function mergeDeep(target: JsonObjectSlices, source: JsonObjectSlices, depth: number): void {
  for (const [i, key] of source.keys.entries()) {
    const member = source.valueAt(i) ?? "null";
    const earlier = target.get(key);
    if (
      depth < MERGE_DEPTH &&
      earlier !== undefined &&
      kindOf(earlier) === "object" &&
      kindOf(member) === "object"
    ) {
      const copy = members("merge", earlier);
      mergeDeep(copy, members("merge", member), depth + 1);
      target.set(key, writeSlices(copy));
    } else target.set(key, member);
  }
}

function refuseCollision(target: JsonObjectSlices, source: JsonObjectSlices): void {
  for (const key of source.keys)
    if (target.has(key)) throw irErrors.VALUE_COLLISION({ operator: "merge", key });
}

function elements(operator: string, raw: string): string[] {
  const slices = arraySlices(raw);
  if (slices === null) throw wrong(operator, "an array", raw);
  return slices;
}

function members(operator: string, raw: string): JsonObjectSlices {
  const scan = scanObject(raw, { maxDepth: MAX_DEPTH });
  if (scan.kind !== "object") throw wrong(operator, "an object", raw);
  return scan;
}

function texts(arg: CompiledValue | undefined, scope: Scope): readonly string[] {
  const list = arg?.decoded(scope);
  return Array.isArray(list) ? list.filter((key) => typeof key === "string") : [];
}

function wrong(operator: string, expected: string, raw: Raw): Error {
  const kind = raw === undefined ? "nothing" : kindOf(raw);
  const found = kind === "array" || kind === "object" ? `an ${kind}` : kind;
  return irErrors.VALUE_ARGUMENT({ operator, reason: `needs ${expected}, got ${found}` });
}
