import { isRecord, type Operator, value } from "./operator.ts";

/** Equality of JSON values: numbers by value, objects whatever the order of their members. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqualJson(item, b[i]))
    );
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqualJson(a[key], b[key]))
  );
}

/** Orders two numbers or two strings (by UTF-16 code unit); `null` for anything else. */
function order(a: unknown, b: unknown): number | null {
  const isComparable =
    (typeof a === "number" && typeof b === "number") ||
    (typeof a === "string" && typeof b === "string");
  if (!isComparable) return null;
  return a < b ? -1 : a > b ? 1 : 0;
}

const pair = [value("a"), value("b")];

export const eq: Operator = {
  name: "eq",
  doc: "Whether both are the same JSON value; two absent values are the same",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => isEqualJson(a, b),
};

export const ne: Operator = {
  name: "ne",
  doc: "Whether they differ as JSON values",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => !isEqualJson(a, b),
};

export const gt: Operator = {
  name: "gt",
  doc: "Whether a is greater; two numbers or two strings, false for anything else",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => (order(a, b) ?? 0) > 0,
};

export const ge: Operator = {
  name: "ge",
  doc: "Whether a is greater or equal; two numbers or two strings, false for anything else",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => (order(a, b) ?? -1) >= 0,
};

export const lt: Operator = {
  name: "lt",
  doc: "Whether a is less; two numbers or two strings, false for anything else",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => (order(a, b) ?? 0) < 0,
};

export const le: Operator = {
  name: "le",
  doc: "Whether a is less or equal; two numbers or two strings, false for anything else",
  params: pair,
  returns: "boolean",
  evaluate: ([a, b]) => (order(a, b) ?? 1) <= 0,
};
