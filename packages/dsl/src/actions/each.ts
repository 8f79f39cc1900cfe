import { isReference, pathReference } from "../reference.ts";
import type { Out, Ref, Refers, ResultOf, Undescribed } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { type Action, defined, makeAction } from "./action.ts";
import { toInnerAction } from "./inner-action.ts";
import { type ErrorAction, type OrderPolicy, toStoredError, toStoredPolicies } from "./policies.ts";

/** How an `each` goes over its list. */
export interface EachPolicy<E = Undescribed> extends OrderPolicy {
  /** Most calls at a time; default 16. */
  readonly concurrency?: number;
  /** More items than this is a 422 before the first call; default 100. */
  readonly max?: number;
  /**
   * What becomes of one item that fails; `skip` leaves `null` in its place. A fallback may be made
   * of the item: `{ fallback: (item) => ({ sku: item.sku, left: 0 }) }`. Default `fail`.
   */
  readonly onError?: "fail" | "skip" | { readonly fallback: Shape | ItemFallback<E> };
  /** What becomes of the step when an item failed it. Default `fail`. */
  readonly onFailure?: ErrorAction;
  readonly parallel?: true;
}

/** Anything that can be stored; not `unknown`, beside which a callback's parameters have no type. */
type Shape = string | number | boolean | null | object;

type ItemFallback<E> = (item: Ref<E>, index: Ref<number>) => unknown;

/**
 * Does the same for each item of a list, several at a time; the results are in the list's order.
 *
 * @param list must be an array at run time.
 * @param make runs once, at build; `item` and `index` are references.
 *
 * @example
 * each($.orders.items, (item) => call(stock.bySku, { params: { sku: item.sku } }), { max: 50 })
 */
export function each<E = Undescribed, R = unknown, const P extends EachPolicy<E> = object>(
  list: Refers<readonly E[]>,
  make: (item: Ref<E>, index: Ref<number>) => Action<R>,
  policy?: P & EachPolicy<E>,
): Action<ResultOf<ItemOf<R, P>[], StepPolicyOf<P>>> {
  const { concurrency, max, onError, onFailure, ...rest }: EachPolicy<E> = policy ?? {};
  // References are data; what they will be is said by the type.
  const item = pathReference(["item"]) as Ref<E>;
  const index = pathReference(["index"]) as Ref<number>;
  return makeAction("each", {
    each: defined({
      in: toStored(list),
      concurrency,
      max,
      do: toInnerAction(make(item, index), "an item", "onError goes to each, not to the call"),
      on_error: onError === undefined ? undefined : toItemError(onError, item, index),
    }),
    ...toStoredPolicies({ ...rest, ...(onFailure === undefined ? {} : { onError: onFailure }) }),
  });
}

function toItemError<E>(
  onError: NonNullable<EachPolicy<E>["onError"]>,
  item: Ref<E>,
  index: Ref<number>,
): ReturnType<typeof toStoredError> {
  if (typeof onError !== "object") return toStoredError(onError);
  const { fallback } = onError;
  return isItemFallback<E>(fallback)
    ? toStoredError({ fallback: fallback(item, index) })
    : toStoredError({ fallback });
}

function isItemFallback<E>(fallback: unknown): fallback is ItemFallback<E> {
  // A reference is a function to JavaScript.
  return typeof fallback === "function" && !isReference(fallback);
}

/** An item that was skipped is `null`. */
type ItemOf<R, P> =
  | Exclude<R, undefined>
  | (undefined extends R ? null : never)
  | (P extends { readonly onError: infer A }
      ? A extends "skip"
        ? null
        : A extends { readonly fallback: infer F }
          ? F extends (...args: never) => infer V
            ? Out<V>
            : Out<F>
          : never
      : never);

type StepPolicyOf<P> = (P extends { readonly when: infer W } ? { readonly when: W } : object) &
  (P extends { readonly onFailure: infer F } ? { readonly onError: F } : object);
