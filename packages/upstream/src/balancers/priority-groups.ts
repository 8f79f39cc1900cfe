import type { Node } from "../node.ts";
import { type Balancer, type CallWatcher, isUsable } from "./balancer.ts";

type MakeGroup = (nodes: readonly Node[]) => Balancer;

/**
 * Nodes of the highest priority first; the next lower only when none of those above can be picked:
 * tried by this request or taken out by health checks (apisix/balancer/priority.lua). Nodes of
 * weight 0 stand in for those of their priority when all of these are down.
 */
export function createPriorityGroups(nodes: readonly Node[], make: MakeGroup): Balancer {
  const priorities = [...new Set(nodes.map((node) => node.priority))].sort((a, b) => b - a);
  const groups = priorities.map((priority) =>
    createGroup(
      nodes.filter((node) => node.priority === priority),
      make,
    ),
  );
  const [only, ...others] = groups;
  if (only !== undefined && others.length === 0) return only;
  return {
    pick: (key, tried) => firstPick(groups, key, tried),
    watcher: only === undefined || only.watcher === null ? null : watchAll(groups),
  };
}

/** The nodes of one priority. */
function createGroup(nodes: readonly Node[], make: MakeGroup): Balancer {
  const weighted = nodes.filter((node) => node.weight > 0);
  if (weighted.length === 0 || weighted.length === nodes.length) return make(nodes);
  const main = make(weighted);
  const reserve = make(nodes.filter((node) => node.weight === 0));
  return {
    pick: (key, tried) => {
      const node = main.pick(key, tried);
      return node === null && !weighted.some(isUsable) ? reserve.pick(key, tried) : node;
    },
    watcher: main.watcher === null ? null : watchAll([main, reserve]),
  };
}

function firstPick(
  balancers: readonly Balancer[],
  key: string,
  tried: readonly Node[],
): Node | null {
  for (const balancer of balancers) {
    const node = balancer.pick(key, tried);
    if (node !== null) return node;
  }
  return null;
}

/** A watcher passes over the nodes that are not its own. */
function watchAll(balancers: readonly Balancer[]): CallWatcher {
  const watchers = balancers.flatMap(({ watcher }) => (watcher === null ? [] : [watcher]));
  return {
    begun: (node) => {
      for (const watcher of watchers) watcher.begun(node);
    },
    answered: (node, latencyMs) => {
      for (const watcher of watchers) watcher.answered(node, latencyMs);
    },
    ended: (node) => {
      for (const watcher of watchers) watcher.ended(node);
    },
  };
}
