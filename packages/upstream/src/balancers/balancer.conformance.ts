import { describe, expect, test } from "bun:test";
import type { Node } from "../node.ts";
import type { Balancer } from "./balancer.ts";
import { BalancerMemory } from "./balancer-memory.ts";
import { findBalancer } from "./registry.ts";

/** A node that balancers can be tested with; it is connected to by nobody. */
export function nodeOf(label: string, more: Partial<Node> = {}): Node {
  const [host = "", port = "80"] = label.split(":");
  return {
    host,
    port: Number(port),
    weight: 1,
    priority: 0,
    label,
    hostHeader: label,
    fixed: { address: host, port: Number(port) },
    origin: null,
    health: null,
    ...more,
  };
}

/** Health of a node as the test says. */
export function healthOf(isUsable: boolean): NonNullable<Node["health"]> {
  return {
    isUsable,
    pickAddress: ([address = ""]) => address,
    reportStatus: () => {},
    reportFailure: () => {},
  };
}

/** Numbers that look random and are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A balancer of its own, without a past. */
export function balancerOf(type: string, nodes: readonly Node[], seed = 1): Balancer {
  const context = {
    owner: "upstreams/1",
    memory: new BalancerMemory(),
    random: seeded(seed),
    now: () => 0,
  };
  const make = findBalancer(type);
  if (make === null) throw new Error(`no balancer of type ${type}`);
  return make(nodes, context);
}

/** How often each node is picked by requests that come one after another, each with its own key. */
export function tally(balancer: Balancer, picks: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const node = balancer.pick(`key-${i}`, []);
    if (node === null) continue;
    balancer.watcher?.begun(node);
    balancer.watcher?.answered(node, 1);
    balancer.watcher?.ended(node);
    counts[node.label] = (counts[node.label] ?? 0) + 1;
  }
  return counts;
}

/** Registers what holds for every balancing type. */
export function describeBalancer(type: string): void {
  const [a, b, c] = [nodeOf("a:1"), nodeOf("b:1"), nodeOf("c:1")];

  describe(`balancer ${type}`, () => {
    test("picks nothing from no nodes", () => {
      expect(balancerOf(type, []).pick("key", [])).toBeNull();
    });

    test("equal nodes get about the same", () => {
      for (const count of Object.values(tally(balancerOf(type, [a, b, c]), 9_000)))
        expect(Math.abs(count - 3_000)).toBeLessThan(600);
    });

    test("never picks a node twice for one request, and then none", () => {
      for (let i = 0; i < 100; i++) {
        const balancer = balancerOf(type, [a, b, c], i);
        const tried: Node[] = [];
        for (let node = balancer.pick("key", tried); node !== null; ) {
          expect(tried).not.toContain(node);
          tried.push(node);
          node = balancer.pick("key", tried);
        }
        expect(tried.length).toBe(3);
      }
    });

    test("leaves out a node of weight 0", () => {
      const drained = nodeOf("b:1", { weight: 0 });
      expect(Object.keys(tally(balancerOf(type, [a, drained, c]), 300)).sort()).toEqual([
        "a:1",
        "c:1",
      ]);
    });

    test("uses nodes of weight 0 when there are no others", () => {
      const drained = [nodeOf("a:1", { weight: 0 }), nodeOf("b:1", { weight: 0 })];
      expect(Object.keys(tally(balancerOf(type, drained), 300)).sort()).toEqual(["a:1", "b:1"]);
    });

    test("a node of weight 0 stands in when the others are down", () => {
      const nodes = [
        nodeOf("down:1", { weight: 5, health: healthOf(false) }),
        nodeOf("reserve:1", { weight: 0, health: healthOf(true) }),
        nodeOf("lower:1", { priority: -1 }),
      ];
      expect(Object.keys(tally(balancerOf(type, nodes), 100))).toEqual(["reserve:1"]);
    });

    test("leaves out a node that is down, and takes it back", () => {
      let isUp = false;
      const down = nodeOf("b:1", {
        health: Object.defineProperty({ ...healthOf(true) }, "isUsable", { get: () => isUp }),
      });
      const balancer = balancerOf(type, [a, down, c]);
      expect(tally(balancer, 300)["b:1"]).toBeUndefined();
      isUp = true;
      expect(tally(balancer, 300)["b:1"]).toBeGreaterThan(0);
    });

    test("picks nothing when all are down", () => {
      const down = [a, b].map((node) => ({ ...node, health: healthOf(false) }));
      expect(balancerOf(type, down).pick("key", [])).toBeNull();
    });

    test("uses the highest priority alone", () => {
      const nodes = [
        nodeOf("low:1", { priority: -1, weight: 100 }),
        nodeOf("high1:1", { priority: 5 }),
        nodeOf("high2:1", { priority: 5 }),
      ];
      expect(Object.keys(tally(balancerOf(type, nodes), 300)).sort()).toEqual([
        "high1:1",
        "high2:1",
      ]);
    });

    test("goes on to the next priority when the one above is used up", () => {
      const nodes = [
        nodeOf("low:1", { priority: 1 }),
        nodeOf("high:1", { priority: 2 }),
        nodeOf("down:1", { priority: 2, health: healthOf(false) }),
        nodeOf("last:1"),
      ];
      const balancer = balancerOf(type, nodes);
      const tried: Node[] = [];
      for (let node = balancer.pick("key", tried); node !== null; ) {
        tried.push(node);
        node = balancer.pick("key", tried);
      }
      expect(tried.map(({ label }) => label)).toEqual(["high:1", "low:1", "last:1"]);
    });
  });
}
