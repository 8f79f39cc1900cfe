import type { StoredValue } from "@catena/ir";
import { dslErrors } from "../errors.ts";
import { memberReference, rawReference } from "../reference.ts";
import type { Ref, Refers, Undescribed } from "../scope-types.ts";
import { callerPosition } from "../source-position.ts";

/**
 * A member by name or an item by index, for names that mean something else in JavaScript: `then`,
 * `constructor`, `__proto__`, `toJSON`.
 *
 * @example at($.user, "then") // the member "then" of the user
 */
export function at<
  T = Undescribed,
  const K extends keyof NonNullable<T> & (string | number) = keyof NonNullable<T> &
    (string | number),
>(from: Refers<T>, name: K): Ref<NonNullable<NoInfer<T>>[K]> {
  const source = callerPosition(at);
  const member = memberReference(from, [name]);
  if (member === null) {
    throw dslErrors.DSL_ARGUMENT({
      what: "at() reaches into references only",
      hint: "write at($.step, name)",
      source,
    });
  }
  // A reference is data; what it will be is said by its type alone.
  return member as Ref<NonNullable<T>[K]>;
}

/**
 * A value in its stored form, taken as it is: for what the helpers have no word for.
 *
 * @param value JSON as it stands in the store: `{ $op: "gt", args: [{ $ref: ["input", "query", "n"] }, 1] }`
 */
export function stored<T = unknown>(value: StoredValue): Ref<NoInfer<T>> {
  // As in at(): the author says what it will be.
  return rawReference(value) as Ref<T>;
}
