import type { Binding } from "./bindings.ts";
import { bare, child, children, isFunction, type Node, nameOf } from "./node.ts";

/** What a callback of a chain is given. */
export const SCOPE: readonly Binding[] = [{ kind: "scope" }];

/** What a callback of an `each` is given. */
export const ITEM: readonly Binding[] = [{ kind: "reference" }, { kind: "reference" }];

/** The functions under a `fallback` of an object literal. */
export function* fallbacksIn(object: Node): Generator<Node, void> {
  for (const property of children(object, "properties")) {
    const value = child(property, "value");
    if (value === null) continue;
    if (nameOf(child(property, "key")) === "fallback" && isFunction(bare(value))) yield value;
    else if (value.type === "ObjectExpression") yield* fallbacksIn(value);
  }
}

/** The values of an object literal, those of object literals inside it in their place. */
export function* everyProperty(object: Node): Generator<Node, void> {
  for (const property of children(object, "properties")) {
    const value = child(property, "value") ?? property;
    if (value.type === "ObjectExpression") yield* everyProperty(value);
    else yield value;
  }
}
