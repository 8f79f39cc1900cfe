import type { Condition, In, Maybe, Refers, Undescribed } from "../scope-types.ts";
import { condition } from "./refer.ts";

/** Whether both are the same JSON; two that are absent are the same. */
export function eq<T = Undescribed>(a: Refers<T>, b: NoInfer<Maybe<T>>): Condition;
export function eq<T = Undescribed>(a: Maybe<T>, b: Refers<T>): Condition;
export function eq(a: unknown, b: unknown): Condition {
  return condition("eq", a, b);
}

/** Whether they differ as JSON. */
export function ne<T = Undescribed>(a: Refers<T>, b: NoInfer<Maybe<T>>): Condition;
export function ne<T = Undescribed>(a: Maybe<T>, b: Refers<T>): Condition;
export function ne(a: unknown, b: unknown): Condition {
  return condition("ne", a, b);
}

type Numbers = readonly [a: Maybe<number>, b: Maybe<number>];
type Texts = readonly [a: Maybe<string>, b: Maybe<string>];

/** Whether `a` is greater; numbers or strings, false when one is absent. */
export function gt(...args: Numbers): Condition;
export function gt(...args: Texts): Condition;
export function gt(a: unknown, b: unknown): Condition {
  return condition("gt", a, b);
}

/** Whether `a` is greater or equal; numbers or strings, false when one is absent. */
export function ge(...args: Numbers): Condition;
export function ge(...args: Texts): Condition;
export function ge(a: unknown, b: unknown): Condition {
  return condition("ge", a, b);
}

/** Whether `a` is less; numbers or strings, false when one is absent. */
export function lt(...args: Numbers): Condition;
export function lt(...args: Texts): Condition;
export function lt(a: unknown, b: unknown): Condition {
  return condition("lt", a, b);
}

/** Whether `a` is less or equal; numbers or strings, false when one is absent. */
export function le(...args: Numbers): Condition;
export function le(...args: Texts): Condition;
export function le(a: unknown, b: unknown): Condition {
  return condition("le", a, b);
}

/** Whether a value is one of a list's items. */
export function isIn<T = Undescribed>(value: Maybe<T>, list: In<readonly NoInfer<T>[]>): Condition {
  return condition("in", value, list);
}

/** Whether a list has an item, an object a member, or a string a part. */
export function has(
  container: Refers<unknown>,
  element: string | number | boolean | null | Refers<unknown>,
): Condition {
  return condition("has", container, element);
}

/** Whether a value is there and not null. */
export function exists(value: Refers<unknown>): Condition {
  return condition("exists", value);
}

/**
 * Whether a string contains a match of a pattern.
 *
 * @param pattern in RE2's syntax, which is matched in linear time: no look-around, no
 *   back-references.
 */
export function matches(text: Maybe<string>, pattern: string): Condition {
  return condition("matches", text, pattern);
}
