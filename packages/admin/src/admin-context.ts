import type { ExpressionCheck, FieldCipher, PluginRegistry } from "@catena/schema";
import type { ConfigStore } from "@catena/store";

/** What every operation of one Admin API works with. */
export interface AdminContext {
  readonly store: ConfigStore;
  readonly prefix: string;
  readonly registry: PluginRegistry;
  readonly checkExpression: ExpressionCheck | undefined;
  /** Between documents as clients see them and as they are stored. */
  readonly cipher: FieldCipher;
  /** Whether private keys are stored encrypted, and may be shown so. */
  readonly isEncrypted: boolean;
  /** Whole seconds since 1970, as stored. */
  readonly nowSeconds: () => number;
}
