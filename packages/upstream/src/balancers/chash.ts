import type { Node } from "../node.ts";
import { type Balancer, mayTry, weightOf } from "./balancer.ts";
import { HashRing } from "./hash-ring.ts";

/**
 * Consistent hashing (apisix/balancer/chash.lua): requests of one key go to one node. The ring holds
 * all nodes, also those that are down: a key whose node can't be used goes to the next on the ring,
 * and comes back with its node.
 */
export function createConsistentHash(nodes: readonly Node[]): Balancer {
  const ring = new HashRing(
    // The address with its colons as NUL, as APISIX names ring members.
    nodes.map((node) => ({ id: node.label.replaceAll(":", "\0"), weight: weightOf(node) })),
  );
  const pick = (key: string, tried: readonly Node[]): Node | null => {
    // Asked first on a retry: with nothing left, the whole ring would be walked in vain.
    if (tried.length > 0 && !nodes.some((node) => mayTry(node, tried))) return null;
    const start = ring.find(key);
    for (let i = 0; i < ring.size; i++) {
      const node = nodes[ring.ownerAt(start + i)];
      if (node !== undefined && mayTry(node, tried)) return node;
    }
    return null;
  };
  return { pick, watcher: null };
}
