import type { NoResult, Out, ResultOf } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { type Action, makeAction } from "./action.ts";
import { type Answer, toStoredAnswer } from "./answer.ts";
import {
  type ErrorAction,
  type OrderPolicy,
  toStoredExitPolicies,
  toStoredPolicies,
} from "./policies.ts";

export interface ValuePolicy extends OrderPolicy {
  readonly onError?: ErrorAction;
}

/** Computes a value; makes no call. */
export function value<const V, const P extends ValuePolicy = object>(
  shape: V,
  policy?: P,
): Action<ResultOf<Out<V>, P>> {
  return makeAction("value", { value: toStored(shape), ...toStoredPolicies(policy ?? {}) });
}

/**
 * Answers the client now and ends the chain, when `when` holds (always, without it).
 *
 * @example
 * exit({ status: 404, body: { error: "no such user" } }, { when: eq(status($.user), 404) })
 */
export function exit(answer: Answer, policy: OrderPolicy = {}): Action<NoResult> {
  return makeAction("exit", { exit: toStoredAnswer(answer), ...toStoredExitPolicies(policy) });
}
