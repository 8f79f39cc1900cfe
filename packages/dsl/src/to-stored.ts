import { hasDollarKey, type StoredValue, toLiteral } from "@catena/ir";
import { isAction } from "./actions/action.ts";
import { isDeclaration } from "./declaration.ts";
import { describeUnstorable } from "./describe-unstorable.ts";
import { dslErrors } from "./errors.ts";
import { isPlainObject, setOwn } from "./plain-object.ts";
import { isReference, storedReference } from "./reference.ts";

/** As deep as a stored value may nest. */
const MAX_DEPTH = 64;

/**
 * Turns what a callback returned, literals and references mixed, into a stored value. Members that
 * are `undefined` are left out; an object with a key starting with `$` is escaped.
 *
 * @throws DSL_VALUE for a function, a date, `NaN` and whatever else JSON cannot hold.
 */
export function toStored(value: unknown, depth = 0): StoredValue {
  if (isReference(value)) return storedReference(value);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (depth > MAX_DEPTH) throw refuse("a value that nests this deep", "a cycle perhaps");
  if (Array.isArray(value)) return value.map((item) => toStored(item ?? null, depth + 1));
  if (isAction(value))
    throw refuse("an action", "a step does one thing: give it a step of its own");
  if (isDeclaration(value)) throw refuse("a declared resource", "only upstream takes one");
  if (isPlainObject(value)) return storedObject(value, depth);
  const { found, hint } = describeUnstorable(value);
  throw refuse(found, hint);
}

/** Every member as a stored value; those that are `undefined` are left out. */
export function toStoredRecord(
  values: Readonly<Record<string, unknown>>,
  depth = 0,
): Readonly<Record<string, StoredValue>> {
  const stored: Record<string, StoredValue> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) setOwn(stored, key, toStored(value, depth + 1));
  }
  return stored;
}

function storedObject(value: Readonly<Record<string, unknown>>, depth: number): StoredValue {
  const members = toStoredRecord(value, depth);
  if (!hasDollarKey(members)) return members;
  if (!containsReference(value)) return toLiteral(withoutUndefined(value));
  // A literal cannot hold references, so the object is put together per request.
  return { $op: "object", args: Object.entries(members).flat() };
}

function containsReference(value: unknown): boolean {
  if (isReference(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(containsReference);
}

/** What JSON makes of a value that {@link toStored} took. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUndefined(item ?? null));
  if (!isPlainObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) setOwn(kept, key, withoutUndefined(member));
  }
  return kept;
}

function refuse(found: string, hint: string): Error {
  return dslErrors.DSL_VALUE({ found, hint, source: undefined });
}
