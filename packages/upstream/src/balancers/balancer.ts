import type { Node } from "../node.ts";

/** Chooses nodes for one upstream; holds whatever state its algorithm needs. */
export interface Balancer {
  /**
   * @param key what `chash` hashes; others ignore it.
   * @param tried nodes this request has tried already; never picked again.
   * @returns `null` when every node was tried.
   */
  pick(key: string, tried: readonly Node[]): Node | null;
}
