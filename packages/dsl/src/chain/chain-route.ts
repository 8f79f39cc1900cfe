import type { Declaration } from "../declaration.ts";

declare const BODY: unique symbol;
declare const REPLY: unique symbol;

/**
 * A finished chain: a route to export. `B` is the body it takes, `R` what it replies; `sub` in
 * another chain checks and uses them.
 */
export interface ChainRoute<B, R> extends Declaration<"routes"> {
  /** Both are only types. */
  readonly [BODY]: B;
  readonly [REPLY]: R;
}
