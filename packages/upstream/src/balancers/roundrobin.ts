import type { Node } from "../node.ts";
import type { Balancer } from "./balancer.ts";

/**
 * Smooth weighted round robin: of nodes weighted 5, 1 and 1 the heavy one is not picked five times in
 * a row (nginx's algorithm, ngx_http_upstream_round_robin.c). A node of weight 0 is never picked.
 */
export function createRoundRobin(nodes: readonly Node[], random: () => number): Balancer {
  const live = nodes.filter((node) => node.weight > 0);
  const total = live.reduce((sum, node) => sum + node.weight, 0);
  const current = live.map(() => 0);
  const advance = (tried: readonly Node[]): Node | null => {
    let best = -1;
    let weights = total;
    for (const [i, node] of live.entries()) {
      if (tried.includes(node)) {
        weights -= node.weight;
        continue;
      }
      current[i] = (current[i] ?? 0) + node.weight;
      if (best < 0 || (current[i] ?? 0) > (current[best] ?? 0)) best = i;
    }
    const node = live[best];
    if (node === undefined) return null;
    current[best] = (current[best] ?? 0) - weights;
    return node;
  };
  // A random start, so that gateways started together do not all begin with the same node.
  const skip = live.length === 0 ? 0 : Math.floor(random() * live.length);
  for (let i = 0; i < skip; i++) advance([]);
  return { pick: (_key, tried) => advance(tried) };
}
