import type {
  StoredLiteral,
  StoredOperation,
  StoredReference,
  StoredValue,
} from "./stored-chain.ts";

/** Whether an object has a key that means something in a stored value. */
export function hasDollarKey(object: object): boolean {
  return Object.keys(object).some((key) => key.startsWith("$"));
}

export function isStoredReference(value: unknown): value is StoredReference {
  return isObject(value) && Object.hasOwn(value, "$ref");
}

export function isStoredOperation(value: unknown): value is StoredOperation {
  return isObject(value) && Object.hasOwn(value, "$op");
}

export function isStoredLiteral(value: unknown): value is StoredLiteral {
  return isObject(value) && Object.hasOwn(value, "$literal");
}

/** An object of a stored value that is neither reference, operation nor literal. */
export function isStoredObject(value: unknown): value is Readonly<Record<string, StoredValue>> {
  return isObject(value) && !hasDollarKey(value);
}

/**
 * Writes JSON as a stored value that means exactly that JSON: an object with a key starting with `$`
 * is wrapped in `$literal`, everything else stays as it is. {@link fromLiteral} takes it back.
 */
export function toLiteral(json: unknown): StoredValue {
  if (Array.isArray(json)) return json.map(toLiteral);
  if (isObject(json)) {
    if (hasDollarKey(json)) return { $literal: json };
    return mapMembers(json, toLiteral);
  }
  // What is left of JSON are its scalars.
  return json as null | boolean | number | string;
}

/**
 * The JSON a stored value means when nothing in it is computed.
 *
 * @returns `isConstant: false` when a reference or an operation is in it.
 */
export function fromLiteral(
  value: StoredValue,
): { readonly isConstant: true; readonly json: unknown } | { readonly isConstant: false } {
  if (isStoredReference(value) || isStoredOperation(value)) return { isConstant: false };
  if (isStoredLiteral(value)) return { isConstant: true, json: value.$literal };
  if (typeof value !== "object" || value === null) return { isConstant: true, json: value };
  let isConstant = true;
  const take = (member: StoredValue): unknown => {
    const inner = fromLiteral(member);
    if (!inner.isConstant) isConstant = false;
    return inner.isConstant ? inner.json : null;
  };
  const json = isList(value) ? value.map(take) : mapMembers(value, take);
  return isConstant ? { isConstant, json } : { isConstant: false };
}

/** Maps an object's own members, keeping their order and one named `__proto__`. */
function mapMembers<V, R>(
  object: Readonly<Record<string, V>>,
  map: (member: V, key: string) => R,
): Record<string, R> {
  const mapped: Record<string, R> = {};
  for (const [key, member] of Object.entries(object)) {
    if (key === "__proto__") {
      Object.defineProperty(mapped, key, {
        value: map(member, key),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    } else mapped[key] = map(member, key);
  }
  return mapped;
}

/** `Array.isArray` that narrows a readonly array out of a union. */
export function isList(value: unknown): value is readonly StoredValue[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Readonly<Record<string, never>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
