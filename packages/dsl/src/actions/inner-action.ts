import { dslErrors } from "../errors.ts";
import { type Action, authoredAction, isAction } from "./action.ts";
import { authoredName } from "./authored-name.ts";

/** Kinds that may stand inside an `each` or a branch. */
const PLAIN: ReadonlySet<string> = new Set(["call", "value", "sub"]);

/** Policies that are a step's, by the names they are stored under. */
const OF_STEPS = [
  "when",
  "after",
  "on_error",
  "cache",
  "coalesce",
  "hedge",
  "breaker",
  "parallel",
] as const;

/**
 * The stored form of what is done per item or in a branch.
 *
 * @param place in messages: `an item`, `a branch`.
 * @param hint what to do with a policy that is only a step's.
 */
export function toInnerAction(
  action: Action<unknown>,
  place: string,
  hint: string,
): Readonly<Record<string, unknown>> {
  if (!isAction(action)) {
    throw refuse(`${place} must do something`, "return call(…), value(…) or sub(…)");
  }
  const { kind, stored } = authoredAction(action);
  if (!PLAIN.has(kind)) {
    throw refuse(`${place} cannot be a ${kind}`, "make it a chain of its own and use sub(…)");
  }
  for (const name of OF_STEPS) {
    if (name in stored) throw refuse(`${place} has no "${authoredName(name)}"`, hint);
  }
  return stored;
}

function refuse(what: string, hint: string): Error {
  return dslErrors.DSL_ARGUMENT({ what, hint, source: undefined });
}
