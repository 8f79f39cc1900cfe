import type { ChainRoute } from "../chain/chain-route.ts";
import { dslErrors } from "../errors.ts";
import type { In, ResultOf, Undescribed } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { isUnfinished } from "../unfinished.ts";
import { type Action, makeAction } from "./action.ts";
import { type StepPolicy, toStoredPolicies } from "./policies.ts";

export interface SubPolicy extends StepPolicy {
  /** Milliseconds for the whole of the other chain. */
  readonly timeout?: number;
}

/**
 * Runs another chain; the result is what it replies.
 *
 * @param chain the chain, or its id when it is declared elsewhere.
 * @param body becomes `$.input.body` there.
 */
export function sub<const P extends SubPolicy = object>(
  chain: string,
  body?: unknown,
  policy?: P,
): Action<ResultOf<Undescribed, P>>;
export function sub<B, R, const P extends SubPolicy = object>(
  chain: ChainRoute<B, R>,
  body: In<NoInfer<B>>,
  policy?: P,
): Action<ResultOf<R, P>>;
export function sub(
  chain: string | ChainRoute<unknown, unknown>,
  body?: unknown,
  policy: SubPolicy = {},
): Action<unknown> {
  if (isUnfinished(chain)) {
    throw dslErrors.DSL_ARGUMENT({
      what: "a chain without an end cannot be used by another",
      hint: "end it with .reply(…)",
      source: undefined,
    });
  }
  const stored = { chain, ...(body === undefined ? {} : { body: toStored(body) }) };
  return makeAction("sub", { sub: stored, ...toStoredPolicies(policy) });
}
