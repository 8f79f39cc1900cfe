import { isEqualJson } from "./compare.ts";
import { isPresent, isRecord, type Operator, rest, value } from "./operator.ts";

/**
 * Whether a condition holds: only `true` does. A string `"false"` of a query or a `1` is no
 * condition; compare it.
 */
export function holds(condition: unknown): boolean {
  return condition === true;
}

export const and: Operator = {
  name: "and",
  doc: "Whether all conditions are true",
  params: [rest("condition")],
  returns: "boolean",
  evaluate: (args) => args.every(holds),
};

export const or: Operator = {
  name: "or",
  doc: "Whether any condition is true",
  params: [rest("condition")],
  returns: "boolean",
  evaluate: (args) => args.some(holds),
};

export const not: Operator = {
  name: "not",
  doc: "Whether a condition is not true",
  params: [value("condition")],
  returns: "boolean",
  evaluate: ([condition]) => !holds(condition),
};

export const exists: Operator = {
  name: "exists",
  doc: "Whether a value is there and not null",
  params: [value("value")],
  returns: "boolean",
  evaluate: ([given]) => isPresent(given),
};

export const isIn: Operator = {
  name: "in",
  doc: "Whether a value is one of an array's items",
  params: [value("value"), value("list")],
  returns: "boolean",
  evaluate: ([given, list]) => Array.isArray(list) && list.some((item) => isEqualJson(item, given)),
};

export const has: Operator = {
  name: "has",
  doc: "Whether an array has an item, an object a member, or a string a part",
  params: [value("container"), value("element")],
  returns: "boolean",
  evaluate([container, element]) {
    if (Array.isArray(container)) return container.some((item) => isEqualJson(item, element));
    if (typeof element !== "string") return false;
    if (typeof container === "string") return container.includes(element);
    return isRecord(container) && Object.hasOwn(container, element);
  },
};

export const ifElse: Operator = {
  name: "if",
  doc: "The second value when the condition is true, else the third",
  params: [value("condition"), value("then"), value("else")],
  returns: "any",
  evaluate: ([condition, whenTrue, whenFalse]) => (holds(condition) ? whenTrue : whenFalse),
};

export const coalesce: Operator = {
  name: "coalesce",
  doc: "The first value that is there and not null",
  params: [rest("value")],
  returns: "any",
  evaluate: (args) => args.find(isPresent),
};
