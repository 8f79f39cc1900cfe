import type { In, Ref, Refers } from "../scope-types.ts";
import { refer } from "./refer.ts";

type Num = In<number>;

/** The sum of numbers. */
export function add(...numbers: readonly Num[]): Ref<number> {
  return refer("add", ...numbers);
}

/** `a` minus `b`. */
export function subtract(a: Num, b: Num): Ref<number> {
  return refer("sub", a, b);
}

/** The product of numbers. */
export function multiply(...numbers: readonly Num[]): Ref<number> {
  return refer("mul", ...numbers);
}

/** `a` divided by `b`; `b` must not be 0. */
export function divide(a: Num, b: Num): Ref<number> {
  return refer("div", a, b);
}

/** The remainder of `a` divided by `b`, with the sign of `a`. */
export function modulo(a: Num, b: Num): Ref<number> {
  return refer("mod", a, b);
}

/** The smallest of numbers. */
export function min(...numbers: readonly Num[]): Ref<number> {
  return refer("min", ...numbers);
}

/** The greatest of numbers. */
export function max(...numbers: readonly Num[]): Ref<number> {
  return refer("max", ...numbers);
}

/**
 * A number rounded half away from zero.
 *
 * @param places decimal places, 0 (the default) to 15.
 */
export function round(number: Num, places?: Num): Ref<number> {
  return places === undefined ? refer("round", number) : refer("round", number, places);
}

/** The number a string is written as; missing when it is none. */
export function number(
  text: In<string | number> | Refers<string | undefined>,
): Ref<number | undefined> {
  return refer("number", text);
}
