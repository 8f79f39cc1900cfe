import { dslErrors } from "../errors.ts";
import { stepOf } from "../reference.ts";
import type { Ref, Refers, Undescribed } from "../scope-types.ts";
import { callerPosition } from "../source-position.ts";
import { toStored } from "../to-stored.ts";
import { referStored } from "./refer.ts";

/** The status a call step was answered with; missing when it was skipped. */
export function status<T>(step: Refers<T>): Ref<undefined extends T ? number | undefined : number> {
  const source = callerPosition(status);
  return referStored("status", [{ $ref: [wholeStep(step, "status", source)] }]);
}

/** A header of a call step's response; missing when it has none. */
export function header(step: Refers<unknown>, name: string): Ref<string | undefined> {
  const source = callerPosition(header);
  return referStored("header", [{ $ref: [wholeStep(step, "header", source)] }, name]);
}

/**
 * Every value of a header of a call step's response, for those that come more than once.
 *
 * @example .reply(($) => $.login, ($) => ({ headers: { "set-cookie": headers($.login, "set-cookie") } }))
 */
export function headers<T>(
  step: Refers<T>,
  name: string,
): Ref<undefined extends T ? string[] | undefined : string[]> {
  const source = callerPosition(headers);
  return referStored("headers", [{ $ref: [wholeStep(step, "headers", source)] }, name]);
}

/**
 * A JSONata expression computed on a value, for what the other helpers cannot say.
 *
 * @param input what `$` and plain names mean in it; without it, nothing.
 *
 * @example jsonata("$sum(items.(price * quantity))", $.cart)
 */
export function jsonata<T = Undescribed>(expression: string, input?: unknown): Ref<NoInfer<T>> {
  return referStored("jsonata", [expression, ...(input === undefined ? [] : [toStored(input)])]);
}

function wholeStep(
  step: object,
  helper: string,
  source: ReturnType<typeof callerPosition>,
): string {
  const name = stepOf(step);
  if (name !== null) return name;
  throw dslErrors.DSL_ARGUMENT({
    what: `${helper}() takes a whole step`,
    hint: `write ${helper}($.step, …), not one of its members`,
    source,
  });
}
