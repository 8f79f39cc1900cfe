import type { Node } from "../node.ts";
import type { Balancer, BalancerContext } from "./balancer.ts";
import { createConsistentHash } from "./chash.ts";
import { createEwma } from "./ewma.ts";
import { createLeastConn } from "./least-conn.ts";
import { createPriorityGroups } from "./priority-groups.ts";
import { createRoundRobin } from "./roundrobin.ts";

/** Makes a balancer for nodes. */
export type MakeBalancer = (nodes: readonly Node[], context: BalancerContext) => Balancer;

/** Every balancing algorithm, by APISIX's name. A new one is its file and one line here. */
const balancers: Readonly<Record<string, MakeBalancer>> = {
  chash: createConsistentHash,
  ewma: createEwma,
  least_conn: createLeastConn,
  roundrobin: createRoundRobin,
};

/** The balancing types that exist. */
export const balancerTypes: readonly string[] = Object.keys(balancers);

/**
 * Finds what makes balancers of a type, one per priority of the nodes.
 *
 * @returns `null` for a type that does not exist.
 */
export function findBalancer(type: string): MakeBalancer | null {
  const make = Object.hasOwn(balancers, type) ? balancers[type] : undefined;
  if (make === undefined) return null;
  return (nodes, context) => createPriorityGroups(nodes, (group) => make(group, context));
}
