import type { Node } from "../node.ts";
import type { BalancerMemory } from "./balancer-memory.ts";

/** Chooses nodes for one upstream; holds whatever state its algorithm needs. */
export interface Balancer {
  /**
   * @param key what `chash` hashes; others ignore it.
   * @param tried nodes this request has tried already; never picked again.
   * @returns `null` when no usable node is left.
   */
  pick(key: string, tried: readonly Node[]): Node | null;
  /** For algorithms that learn from calls; `null` for the others, so that they pay nothing. */
  readonly watcher: CallWatcher | null;
}

/** Hears of every try at a node; passes over nodes that are not of its balancer. */
export interface CallWatcher {
  /** The node was picked for a try. */
  begun(node: Node): void;
  /** The reply's head is there. */
  answered(node: Node, latencyMs: number): void;
  /** The try is over: its body was read, it failed or was given up. Once for every `begun`. */
  ended(node: Node): void;
}

/** What balancers are given besides their nodes. */
export interface BalancerContext {
  /** The upstream, by the resource that holds it; keys what outlives a balancer. */
  readonly owner: string;
  readonly memory: BalancerMemory;
  /** 0 <= n < 1 */
  readonly random: () => number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Whether health checks leave a node in. */
export function isUsable(node: Node): boolean {
  return node.health === null || node.health.isUsable;
}

/** Whether a node can be picked: it is usable, and was not tried yet. */
export function mayTry(node: Node, tried: readonly Node[]): boolean {
  return isUsable(node) && !tried.includes(node);
}

/** A node's weight; among nodes that all have weight 0, one like the other. */
export function weightOf(node: Node): number {
  return node.weight > 0 ? node.weight : 1;
}
