import type { ExpressionCheck, PluginRegistry } from "@catena/schema";
import type { ConfigStore } from "@catena/store";

/** What every operation of one Admin API works with. */
export interface AdminContext {
  readonly store: ConfigStore;
  readonly prefix: string;
  readonly registry: PluginRegistry;
  readonly checkExpression: ExpressionCheck | undefined;
  /** Whole seconds since 1970, as stored. */
  readonly nowSeconds: () => number;
}
