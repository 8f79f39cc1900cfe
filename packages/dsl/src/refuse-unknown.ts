import { didYouMean } from "@catena/schema";
import { dslErrors } from "./errors.ts";

/**
 * Refuses members that mean nothing where they stand. The types cannot: what a generic parameter is
 * inferred from may have more members than its bound.
 *
 * @param what in messages: `a policy`, `a slot of a request`.
 * @throws DSL_ARGUMENT
 */
export function refuseUnknown(given: object, known: readonly string[], what: string): void {
  // A reference is a function to JavaScript, and has no members yet.
  if (typeof given !== "object") return;
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = didYouMean(unknown, known);
  throw dslErrors.DSL_ARGUMENT({
    what: `"${unknown}" is not ${what}`,
    hint: near === null ? `there are ${known.join(", ")}` : `did you mean "${near}"?`,
    source: undefined,
  });
}
