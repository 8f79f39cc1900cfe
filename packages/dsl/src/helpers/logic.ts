import { isCondition } from "../reference.ts";
import type { ChainError, Condition, In, Out, Ref, Refers, Undescribed } from "../scope-types.ts";
import { condition, refer } from "./refer.ts";

/** What a condition may be given as; what is absent does not hold. */
export type Holds = boolean | Refers<boolean | null | undefined>;

/** Whether all hold. */
export function and(...conditions: readonly Holds[]): Condition {
  return condition("and", ...conditions);
}

/** Whether it does not hold. */
export function not(given: Holds): Condition {
  return condition("not", given);
}

/** Whether any holds; as `or`, for booleans that are no comparisons. */
export function any(...conditions: readonly Holds[]): Condition {
  return condition("or", ...conditions);
}

/**
 * Of values: the first that is there and not null, so that `or($.user.email, "none")` always is.
 * Of conditions (when the first is a comparison): whether any holds.
 */
export function or(first: Condition, ...conditions: readonly Holds[]): Condition;
export function or<T = Undescribed>(
  value: Refers<T>,
  fallback: DefaultFor<NoInfer<T>>,
): Ref<NonNullable<NoInfer<T>>>;
export function or(...args: readonly unknown[]): unknown {
  return isCondition(args[0]) ? condition("or", ...args) : coalesce(...args);
}

type DefaultFor<T> = 0 extends 1 & T
  ? unknown
  : [T] extends [boolean]
    ? ChainError<"this boolean is always there: for 'either of them' write any(a, b)">
    : In<NonNullable<T>>;

/** The first value that is there and not null; the last may be any. */
export function coalesce<const V extends readonly unknown[]>(...values: V): Ref<CoalesceOf<V>> {
  return refer("coalesce", ...values);
}

type CoalesceOf<V> = V extends readonly [infer Last]
  ? Out<Last>
  : V extends readonly [infer First, ...infer Rest]
    ? NonNullable<Out<First>> | CoalesceOf<Rest>
    : undefined;

/** The second value when the condition holds, else the third. */
export function ifElse<const A, const B>(
  condition: Holds,
  whenTrue: A,
  whenFalse: B,
): Ref<Out<A> | Out<B>> {
  return refer("if", condition, whenTrue, whenFalse);
}
