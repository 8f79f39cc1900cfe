import type { Node } from "../node.ts";
import { type Balancer, type BalancerContext, mayTry, weightOf } from "./balancer.ts";

/**
 * The node with the fewest calls under way in proportion to its weight: least of `(calls + 1) /
 * weight` (apisix/balancer/least_conn.lua). Calls are counted until their body was read, and across
 * configuration changes. Nodes that are even take turns.
 */
export function createLeastConn(nodes: readonly Node[], context: BalancerContext): Balancer {
  const loads = context.memory.loadsOf(
    context.owner,
    nodes.map((node) => node.label),
  );
  const indexes = new Map(nodes.map((node, index) => [node, index]));
  let turn = Math.floor(context.random() * nodes.length);

  const pick = (_key: string, tried: readonly Node[]): Node | null => {
    let best: Node | null = null;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let i = 0; i < nodes.length; i++) {
      const index = (turn + i) % nodes.length;
      // The remainder makes it present.
      const node = nodes[index] as Node;
      if (!mayTry(node, tried)) continue;
      const score = ((loads[index]?.active ?? 0) + 1) / weightOf(node);
      if (score >= bestScore) continue;
      best = node;
      bestScore = score;
    }
    turn = (turn + 1) % nodes.length;
    return best;
  };
  const count = (node: Node, by: number): void => {
    const load = loads[indexes.get(node) ?? -1];
    if (load !== undefined) load.active += by;
  };
  return {
    pick,
    watcher: {
      begun: (node) => count(node, 1),
      answered: () => {},
      ended: (node) => count(node, -1),
    },
  };
}
