import type { Node } from "../node.ts";
import { type Balancer, type BalancerContext, mayTry, weightOf } from "./balancer.ts";

/**
 * Smooth weighted round robin: of nodes weighted 5, 1 and 1 the heavy one is not picked five times in
 * a row (nginx's algorithm, ngx_http_upstream_round_robin.c).
 */
export function createRoundRobin(nodes: readonly Node[], context: BalancerContext): Balancer {
  const current = new Float64Array(nodes.length);

  const advance = (tried: readonly Node[]): Node | null => {
    let best = -1;
    let total = 0;
    for (let i = 0; i < nodes.length; i++) {
      // The bound makes both elements present.
      const node = nodes[i] as Node;
      if (!mayTry(node, tried)) continue;
      const weight = weightOf(node);
      total += weight;
      const raised = (current[i] as number) + weight;
      current[i] = raised;
      if (best < 0 || raised > (current[best] as number)) best = i;
    }
    if (best < 0) return null;
    current[best] = (current[best] as number) - total;
    return nodes[best] as Node;
  };

  // A random start, so that gateways started together do not all begin with the same node.
  const skip = Math.floor(context.random() * nodes.length);
  for (let i = 0; i < skip; i++) advance([]);
  return { pick: (_key, tried) => advance(tried), watcher: null };
}
