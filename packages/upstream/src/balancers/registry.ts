import type { Node } from "../node.ts";
import type { Balancer } from "./balancer.ts";
import { createRoundRobin } from "./roundrobin.ts";

type MakeBalancer = (nodes: readonly Node[], random: () => number) => Balancer;

/** Every balancing algorithm, by APISIX's name. A new one is its file and one line here. */
const balancers: Readonly<Record<string, MakeBalancer>> = {
  roundrobin: createRoundRobin,
};

/** @returns `null` for a type that does not exist. */
export function createBalancer(
  type: string,
  nodes: readonly Node[],
  random: () => number,
): Balancer | null {
  const make = Object.hasOwn(balancers, type) ? balancers[type] : undefined;
  return make === undefined ? null : make(nodes, random);
}
