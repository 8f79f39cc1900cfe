import { refuseUnknown } from "../refuse-unknown.ts";
import type { Refers, ResultOf } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { type Action, makeAction } from "./action.ts";
import { toInnerAction } from "./inner-action.ts";
import { type StepPolicy, toStoredPolicies } from "./policies.ts";

/** What is done when a condition holds; made by {@link when}. */
export interface Branch<R> {
  readonly condition: unknown;
  readonly action: Action<R>;
}

/** A branch of a `choose`. */
export function when<R>(
  condition: boolean | Refers<boolean | null | undefined>,
  action: Action<R>,
): Branch<R> {
  return { condition, action };
}

/**
 * Does what the first branch whose condition holds says, else `otherwise`; without that the result
 * is missing.
 *
 * @example
 * choose({
 *   branches: [when(eq($.user.tier, "gold"), call(shop.express, { body }))],
 *   otherwise: call(shop.standard, { body }),
 * })
 */
export function choose<
  const B extends readonly Branch<unknown>[],
  R = undefined,
  const P extends StepPolicy = object,
>(
  choice: { readonly branches: B; readonly otherwise?: Action<R> },
  policy?: P,
): Action<ResultOf<BranchResult<B[number]> | R, P>> {
  refuseUnknown(choice, ["branches", "otherwise"], "a part of choose");
  const { branches, otherwise } = choice;
  return makeAction("choose", {
    choose: {
      branches: branches.map(({ condition, action }) => ({
        when: toStored(condition),
        ...toInnerAction(action, "a branch", HINT),
      })),
      ...(otherwise === undefined
        ? {}
        : { otherwise: toInnerAction(otherwise, "otherwise", HINT) }),
    },
    ...toStoredPolicies(policy ?? {}),
  });
}

const HINT = "give it to choose, as its second argument";

type BranchResult<B> = B extends Branch<infer R> ? R : never;
