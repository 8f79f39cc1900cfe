import type { Issue } from "@catena/errors";
import type { PartPosition } from "../declaration.ts";

/** Where a route holds its chain, as a JSON pointer. */
export const PLUGIN_PATH = "/plugins/proxy-chain";

/** A chain's plugin configuration, with what was found while writing it. */
export interface LoweredChain {
  /** Members that are `undefined` are left out when it is stored. */
  readonly conf: Readonly<Record<string, unknown>>;
  readonly issues: readonly Issue[];
  readonly positions: readonly PartPosition[];
}
