import type { SourcePosition } from "@catena/errors";

/** Registered, so that a config that got another copy of this package is understood all the same. */
export const UNFINISHED: unique symbol = Symbol.for("@catena/dsl/unfinished");

/** A chain that has no end yet, so that it is no resource. */
export interface Unfinished {
  readonly [UNFINISHED]: true;
  readonly source: SourcePosition | undefined;
}

export function isUnfinished(value: unknown): value is Unfinished {
  return typeof value === "object" && value !== null && UNFINISHED in value;
}
