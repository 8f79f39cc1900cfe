import type { PluginRegistry } from "./plugin-registry.ts";

/** Says what is wrong with a `vars` expression (APISIX's words: `invalid operator '??'`), or `null`. */
export type ExpressionCheck = (vars: readonly unknown[]) => string | null;

export interface ValidationOptions {
  /** The resource's id; names it in issues, and decides the schema of a secret. */
  readonly id?: string;
  /** Plugins to check configurations against; without one only their shape is looked at. */
  readonly registry?: PluginRegistry;
  /**
   * `strict` (writing): an unknown plugin is refused. `lenient` (serving): it is reported and the
   * resource is used without it, as APISIX's data plane does. Default `strict`.
   */
  readonly mode?: "strict" | "lenient";
  readonly checkExpression?: ExpressionCheck;
}
