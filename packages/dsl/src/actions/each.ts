import { pathReference } from "../reference.ts";
import type { Out, Ref, Refers, ResultOf, Undescribed } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { type Action, defined, makeAction } from "./action.ts";
import { toInnerAction } from "./inner-action.ts";
import { type ErrorAction, type OrderPolicy, toStoredError, toStoredPolicies } from "./policies.ts";

/** How an `each` goes over its list. */
export interface EachPolicy extends OrderPolicy {
  /** Most calls at a time; default 16. */
  readonly concurrency?: number;
  /** More items than this is a 422 before the first call; default 100. */
  readonly max?: number;
  /** What becomes of one item that fails; `skip` leaves `null` in its place. Default `fail`. */
  readonly onError?: ErrorAction;
  /** What becomes of the step when an item failed it. Default `fail`. */
  readonly onFailure?: ErrorAction;
  readonly parallel?: true;
}

/**
 * Does the same for each item of a list, several at a time; the results are in the list's order.
 *
 * @param list must be an array at run time.
 * @param make runs once, at build; `item` and `index` are references.
 *
 * @example
 * each($.orders.items, (item) => call(stock.bySku, { params: { sku: item.sku } }), { max: 50 })
 */
export function each<E = Undescribed, R = unknown, const P extends EachPolicy = object>(
  list: Refers<readonly E[]>,
  make: (item: Ref<E>, index: Ref<number>) => Action<R>,
  policy?: P,
): Action<ResultOf<ItemOf<R, P>[], StepPolicyOf<P>>> {
  const { concurrency, max, onError, onFailure, ...rest }: EachPolicy = policy ?? {};
  // References are data; what they will be is said by the type.
  const item = pathReference(["item"]) as Ref<E>;
  const index = pathReference(["index"]) as Ref<number>;
  return makeAction("each", {
    each: defined({
      in: toStored(list),
      concurrency,
      max,
      do: toInnerAction(make(item, index), "an item", "onError goes to each, not to the call"),
      on_error: onError === undefined ? undefined : toStoredError(onError),
    }),
    ...toStoredPolicies({ ...rest, ...(onFailure === undefined ? {} : { onError: onFailure }) }),
  });
}

/** An item that was skipped is `null`. */
type ItemOf<R, P> =
  | Exclude<R, undefined>
  | (undefined extends R ? null : never)
  | (P extends { readonly onError: infer A }
      ? A extends "skip"
        ? null
        : A extends { readonly fallback: infer F }
          ? Out<F>
          : never
      : never);

type StepPolicyOf<P> = (P extends { readonly when: infer W } ? { readonly when: W } : object) &
  (P extends { readonly onFailure: infer F } ? { readonly onError: F } : object);
