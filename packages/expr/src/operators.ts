import type { Checked } from "@catena/errors";
import { compileAddresses } from "./addresses.ts";
import { toNumber } from "./lua-number.ts";
import { compilePattern } from "./pattern.ts";
import type { VariableValue } from "./variables.ts";

/** A comparison whose right side is fixed. */
export type Comparison = (left: VariableValue) => boolean;

/** Most values a list on the right side may have. */
const maxListLength = 10_000;

const never: Comparison = () => false;

/**
 * The operators of lua-resty-expr, each made from its right side. `null` on the right, or nothing at
 * all, stands for a variable that is missing.
 */
export const operators: ReadonlyMap<string, (right: unknown) => Checked<Comparison>> = new Map([
  ["==", (right: unknown) => ok(compileEqual(right))],
  ["~=", (right: unknown) => ok(not(compileEqual(right)))],
  [">", (right: unknown) => ok(compileOrder(right, (a, b) => a > b))],
  [">=", (right: unknown) => ok(compileOrder(right, (a, b) => a >= b))],
  ["<", (right: unknown) => ok(compileOrder(right, (a, b) => a < b))],
  ["<=", (right: unknown) => ok(compileOrder(right, (a, b) => a <= b))],
  ["~~", (right: unknown) => compileSearch(right, false)],
  ["~*", (right: unknown) => compileSearch(right, true)],
  ["in", compileIn],
  ["has", (right: unknown) => ok((left) => Array.isArray(left) && left.includes(right))],
  ["ipmatch", compileIpMatch],
]);

function ok(value: Comparison): Checked<Comparison> {
  return { value, issues: [] };
}

function refuse(message: string): Checked<Comparison> {
  return { issues: [{ path: "", code: "EXPRESSION_INVALID", message }] };
}

function not(comparison: Comparison): Comparison {
  return (left) => !comparison(left);
}

function compileEqual(right: unknown): Comparison {
  if (right === null || right === undefined) return (left) => left === undefined;
  if (typeof right === "number") return (left) => toNumber(left) === right;
  return (left) => left === right;
}

function compileOrder(right: unknown, holds: (left: number, right: number) => boolean): Comparison {
  const bound = toNumber(right);
  if (bound === null) return never;
  return (left) => {
    const number = toNumber(left);
    return number !== null && holds(number, bound);
  };
}

function compileSearch(right: unknown, ignoreCase: boolean): Checked<Comparison> {
  if (typeof right !== "string" && typeof right !== "number") return refuse("invalid expression");
  const { value: pattern, issues } = compilePattern(String(right), { ignoreCase });
  if (pattern === undefined) return { issues };
  return ok((left) => {
    if (typeof left === "string") return pattern.test(left);
    return typeof left === "number" && pattern.test(String(left));
  });
}

function compileIn(right: unknown): Checked<Comparison> {
  if (!Array.isArray(right)) return ok(never);
  if (right.length > maxListLength) return refuse(`more than ${maxListLength} values in a list`);
  const values = new Set<unknown>(right);
  return ok((left) => left !== undefined && values.has(left));
}

function compileIpMatch(right: unknown): Checked<Comparison> {
  const list: readonly unknown[] = Array.isArray(right) ? right : [right];
  if (list.length === 0 || right === null || right === undefined || right === "") {
    return refuse("invalid ip address");
  }
  const { value: matches, issues } = compileAddresses(list);
  if (matches === undefined) return { issues };
  return ok((left) => typeof left === "string" && matches(left));
}
