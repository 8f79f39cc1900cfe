import { irErrors } from "../errors.ts";
import { isPresent, numberArgument, type Operator, optional, rest, value } from "./operator.ts";

/** Absent in, absent out; a result that is no number JSON can hold is refused. */
function numeric(
  name: string,
  compute: (...numbers: number[]) => number,
): (args: readonly unknown[]) => number | undefined {
  return (args) => {
    if (!args.every(isPresent)) return undefined;
    const result = compute(...args.map((given) => numberArgument(name, given)));
    if (!Number.isFinite(result)) {
      throw irErrors.VALUE_ARGUMENT({ operator: name, reason: "has no finite result" });
    }
    return result;
  };
}

const pair = [value("a"), value("b")];

export const add: Operator = {
  name: "add",
  doc: "Sum of numbers",
  params: [rest("number")],
  returns: "number",
  evaluate: numeric("add", (...numbers) => numbers.reduce((sum, n) => sum + n, 0)),
};

export const sub: Operator = {
  name: "sub",
  doc: "a minus b",
  params: pair,
  returns: "number",
  evaluate: numeric("sub", (a = 0, b = 0) => a - b),
};

export const mul: Operator = {
  name: "mul",
  doc: "Product of numbers",
  params: [rest("number")],
  returns: "number",
  evaluate: numeric("mul", (...numbers) => numbers.reduce((product, n) => product * n, 1)),
};

export const div: Operator = {
  name: "div",
  doc: "a divided by b; b must not be 0",
  params: pair,
  returns: "number",
  evaluate: numeric("div", (a = 0, b = 0) => a / b),
};

export const mod: Operator = {
  name: "mod",
  doc: "Remainder of a divided by b, with the sign of a; b must not be 0",
  params: pair,
  returns: "number",
  evaluate: numeric("mod", (a = 0, b = 0) => a % b),
};

export const min: Operator = {
  name: "min",
  doc: "The smallest of numbers",
  params: [rest("number")],
  returns: "number",
  evaluate: numeric("min", (...numbers) => Math.min(...numbers)),
};

export const max: Operator = {
  name: "max",
  doc: "The greatest of numbers",
  params: [rest("number")],
  returns: "number",
  evaluate: numeric("max", (...numbers) => Math.max(...numbers)),
};

export const round: Operator = {
  name: "round",
  doc: "A number rounded half away from zero to 0 to 15 decimal places (default 0)",
  params: [value("number"), optional("places")],
  returns: "number",
  evaluate: numeric("round", (given = 0, places = 0) => {
    if (!Number.isInteger(places) || places < 0 || places > 15) {
      throw irErrors.VALUE_ARGUMENT({ operator: "round", reason: "takes 0 to 15 places" });
    }
    return roundDecimal(given, places);
  }),
};

/**
 * Rounds what a number looks like, not its binary fraction: 1.005 to two places is 1.01. Shifting
 * the exponent in text is exact where multiplying by a power of ten is not.
 */
function roundDecimal(given: number, places: number): number {
  const shift = (n: number, by: number): number => {
    const [digits = "0", exponent = "0"] = String(n).split("e");
    return Number(`${digits}e${Number(exponent) + by}`);
  };
  const shifted = shift(Math.abs(given), places);
  return Number.isFinite(shifted) ? Math.sign(given) * shift(Math.round(shifted), -places) : given;
}
