import type { NodeSet } from "../node-set.ts";
import type { Discovery, FoundNode } from "./discovery.ts";

/** The nodes of a service, as they are now. */
export interface NodeSource {
  /** @throws UPSTREAM_UNRESOLVED */
  current(): NodeSet | Promise<NodeSet>;
}

/**
 * Makes a source that builds a node set, with its balancer, whenever the nodes of a service change,
 * and keeps it as long as they do not: a balancer that began anew with each call would not balance.
 */
export function createNodeSource(
  discovery: Discovery,
  serviceName: string,
  build: (found: readonly FoundNode[]) => NodeSet,
): NodeSource {
  let last: readonly FoundNode[] | null = null;
  let set: NodeSet | null = null;
  const take = (found: readonly FoundNode[]): NodeSet => {
    if (set === null || last === null || (found !== last && !areEqual(last, found)))
      set = build(found);
    last = found;
    return set;
  };
  return {
    current: () => {
      const found = discovery.nodes(serviceName);
      return found instanceof Promise ? found.then(take) : take(found);
    },
  };
}

function areEqual(a: readonly FoundNode[], b: readonly FoundNode[]): boolean {
  return a.length === b.length && textOf(a) === textOf(b);
}

/** The order of DNS records means nothing. */
const textOf = (nodes: readonly FoundNode[]): string =>
  nodes
    .map(({ address, port, weight, priority }) => `${address}#${port}#${weight}#${priority}`)
    .sort()
    .join();
