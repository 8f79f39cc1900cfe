import type { Node } from "../node.ts";
import { type Balancer, type BalancerContext, type CallWatcher, mayTry } from "./balancer.ts";
import type { NodeLatency } from "./balancer-memory.ts";

/** Time in which an old measurement loses all but 1/e of its weight (apisix/balancer/ewma.lua). */
const DECAY_MS = 10_000;
/** Stands for a latency nobody knows, so that waiting calls count at a new node too. */
const UNKNOWN_MS = 0.1;

/**
 * Of two nodes chosen at random, the one with the lower latency, as an exponentially weighted moving
 * average, times the calls that wait for it. A reply slower than the average is believed at once
 * (peak EWMA), faster ones little by little; unused, a node's average falls until it is tried again.
 * Weights count only as zero or not.
 */
export function createEwma(nodes: readonly Node[], context: BalancerContext): Balancer {
  const { random, now, memory } = context;
  const latencies = new Map<Node, NodeLatency>();
  for (const node of nodes) latencies.set(node, memory.latencyOf(node.label, now()));

  const score = (node: Node): number => {
    const latency = latencies.get(node);
    if (latency === undefined) return 0;
    const average = latency.averageMs * decay(now() - latency.measuredAt);
    return Math.max(average, UNKNOWN_MS) * (latency.pending + 1);
  };
  const pick = (_key: string, tried: readonly Node[]): Node | null => {
    const usable = nodes.filter((node) => mayTry(node, tried));
    const first = Math.floor(random() * usable.length);
    const second = Math.floor(random() * (usable.length - 1));
    const a = usable[first];
    const b = usable[second >= first ? second + 1 : second];
    if (a === undefined) return null;
    return b === undefined || score(a) <= score(b) ? a : b;
  };
  return { pick, watcher: watch(latencies, now) };
}

function watch(latencies: ReadonlyMap<Node, NodeLatency>, now: () => number): CallWatcher {
  return {
    begun: (node) => {
      const latency = latencies.get(node);
      if (latency !== undefined) latency.pending += 1;
    },
    // A try that fails is not measured: a refusal that comes fast would make a dead node look good.
    answered: (node, latencyMs) => {
      const latency = latencies.get(node);
      if (latency === undefined) return;
      const at = now();
      const kept = decay(at - latency.measuredAt);
      const average = latency.averageMs * kept;
      latency.averageMs = latencyMs > average ? latencyMs : average + latencyMs * (1 - kept);
      latency.measuredAt = at;
    },
    ended: (node) => {
      const latency = latencies.get(node);
      if (latency !== undefined) latency.pending -= 1;
    },
  };
}

const decay = (elapsedMs: number): number => Math.exp(-Math.max(0, elapsedMs) / DECAY_MS);
