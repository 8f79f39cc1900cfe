import { dslErrors } from "../errors.ts";
import { pathReference, rawReference } from "../reference.ts";
import type { Ref } from "../scope-types.ts";
import { callerPosition } from "../source-position.ts";
import { mergedValue } from "./merged-value.ts";

/** The steps a scope shows, so that `merged($)` knows them. */
const stepsOf = new WeakMap<object, readonly string[]>();

/**
 * What a callback gets as `$`: `$.input` and the named steps, each a reference.
 *
 * @param steps names of the steps that can be referred to.
 */
export function makeScope(steps: readonly string[]): object {
  const names = new Set(["input", ...steps]);
  const traps: ProxyHandler<object> = {
    get: (_, key) => {
      if (typeof key === "symbol") return undefined;
      if (names.has(key)) return pathReference([key]);
      throw dslErrors.DSL_ARGUMENT({
        what: `there is no step "${key}" before this one`,
        hint: `there ${names.size === 1 ? "is" : "are"} ${[...names].map((name) => `$.${name}`).join(", ")}`,
        source: callerPosition(traps.get ?? makeScope),
      });
    },
    ownKeys: () => {
      throw dslErrors.DSL_ARGUMENT({
        what: "$ cannot be spread or listed",
        hint: "name the steps: { user: $.user }, or use merged($)",
        source: callerPosition(traps.ownKeys ?? makeScope),
      });
    },
  };
  const scope = new Proxy(Object.freeze({}), traps);
  stepsOf.set(scope, steps);
  return scope;
}

/**
 * What the classic form sends: the client's JSON object, its query arguments over it, and the
 * results of all earlier steps over that, in their order.
 *
 * @param scope the callback's `$`.
 *
 * @example .step("price", ($) => call(shop.price, { body: merged($) }))
 */
export function merged(scope: object): Ref<Record<string, unknown>> {
  const steps = stepsOf.get(scope);
  if (steps === undefined) {
    throw dslErrors.DSL_ARGUMENT({
      what: "merged() takes the whole $",
      hint: "write merged($)",
      source: callerPosition(merged),
    });
  }
  // A reference is data; what it will be is said by its type alone.
  return rawReference(mergedValue(steps)) as Ref<Record<string, unknown>>;
}
