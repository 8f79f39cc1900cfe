import { describe, expect, test } from "bun:test";
import type { Node } from "../node.ts";
import {
  balancerOf,
  describeBalancer,
  healthOf,
  nodeOf,
  seeded,
  tally,
} from "./balancer.conformance.ts";
import { BalancerMemory } from "./balancer-memory.ts";
import { balancerTypes, findBalancer } from "./registry.ts";

for (const type of balancerTypes) describeBalancer(type);

test("there is no balancer of an unknown type", () => {
  for (const type of ["", "random", "toString", "__proto__"]) expect(findBalancer(type)).toBeNull();
});

describe("roundrobin", () => {
  test("gives each node its exact share of every round", () => {
    const nodes = [nodeOf("a:1", { weight: 5 }), nodeOf("b:1"), nodeOf("c:1", { weight: 2 })];
    for (let seed = 0; seed < 20; seed++)
      expect(tally(balancerOf("roundrobin", nodes, seed), 80)).toEqual({
        "a:1": 50,
        "b:1": 10,
        "c:1": 20,
      });
  });

  test("spreads the picks of a heavy node", () => {
    const balancer = balancerOf("roundrobin", [
      nodeOf("a:1", { weight: 5 }),
      nodeOf("b:1"),
      nodeOf("c:1"),
    ]);
    let run = 0;
    let longest = 0;
    for (let i = 0; i < 700; i++) {
      run = balancer.pick("", [])?.label === "a:1" ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    expect(longest).toBeLessThanOrEqual(4);
  });

  test("does not always begin with the same node", () => {
    const nodes = [nodeOf("a:1"), nodeOf("b:1"), nodeOf("c:1")];
    const firsts = new Set<string | undefined>();
    for (let seed = 0; seed < 40; seed++)
      firsts.add(balancerOf("roundrobin", nodes, seed).pick("", [])?.label);
    expect(firsts.size).toBe(3);
  });

  test("shares the load of a node that is down among the others by weight", () => {
    const down = nodeOf("a:1", { weight: 7, health: healthOf(false) });
    const nodes = [down, nodeOf("b:1", { weight: 1 }), nodeOf("c:1", { weight: 3 })];
    expect(tally(balancerOf("roundrobin", nodes), 400)).toEqual({ "b:1": 100, "c:1": 300 });
  });
});

describe("chash", () => {
  const threeNodes = [1980, 1981, 1982].map((port) => nodeOf(`127.0.0.1:${port}`));

  // Where APISIX 3.18 sends these keys: t/node/chash-balance.t, t/node/chash-hashon.t (Apache-2.0).
  test.each([
    [2, "127.0.0.1", 1980],
    [3, "127.0.0.1", 1982],
    [2, "jack", 1981],
    [2, "tom", 1980],
    [2, "custom-one", 1980],
    [2, "cuscookie", 1981],
    [2, "custom-one-custom-two", 1980],
  ])("of %d nodes, key %s goes where APISIX sends it", (count, key, port) => {
    expect(balancerOf("chash", threeNodes.slice(0, count)).pick(key, [])?.port).toBe(port);
  });

  const moved = (before: readonly Node[], after: readonly Node[], keys = 20_000): number => {
    const [from, to] = [balancerOf("chash", before), balancerOf("chash", after)];
    let count = 0;
    for (let i = 0; i < keys; i++)
      if (from.pick(`user-${i}`, [])?.label !== to.pick(`user-${i}`, [])?.label) count += 1;
    return count / keys;
  };

  test.each([2, 3, 5, 10, 50])("without one of %d nodes only its keys move", (count) => {
    const nodes = Array.from({ length: count }, (_, i) => nodeOf(`10.0.0.${i}:8080`));
    for (const index of [0, count - 1]) {
      const rest = nodes.filter((_, i) => i !== index);
      const gone = nodes[index]!;
      expect(moved(nodes, rest)).toBeLessThanOrEqual(1.3 / count);
      const [before, after] = [balancerOf("chash", nodes), balancerOf("chash", rest)];
      for (let i = 0; i < 2_000; i++) {
        const old = before.pick(`user-${i}`, [])?.label;
        if (old !== gone.label) expect(after.pick(`user-${i}`, [])?.label).toBe(old!);
      }
    }
  });

  test("a node that is down moves its own keys alone, and gets them back", () => {
    const nodes = Array.from({ length: 5 }, (_, i) => nodeOf(`10.0.0.${i}:80`));
    const withDown = nodes.map((node, i) =>
      i === 2 ? { ...node, health: healthOf(false) } : node,
    );
    const removed = nodes.filter((_, i) => i !== 2);
    expect(moved(nodes, withDown)).toBeLessThanOrEqual(1.3 / 5);
    expect(moved(withDown, removed)).toBe(0);
  });

  test("the order in which nodes are listed does not matter", () => {
    expect(moved(threeNodes, threeNodes.toReversed())).toBe(0);
  });

  test("keys are spread by weight", () => {
    const nodes = [nodeOf("a:1", { weight: 30 }), nodeOf("b:1", { weight: 10 })];
    const counts = tally(balancerOf("chash", nodes), 20_000);
    expect(counts["a:1"]! / counts["b:1"]!).toBeGreaterThan(2.4);
    expect(counts["a:1"]! / counts["b:1"]!).toBeLessThan(3.6);
  });

  test("huge weights do not make a huge ring", () => {
    const nodes = [nodeOf("a:1", { weight: 1_000_000_007 }), nodeOf("b:1", { weight: 3 })];
    expect(tally(balancerOf("chash", nodes), 1_000)["a:1"]).toBeGreaterThan(990);
  });

  test("keys beyond ASCII are keys", () => {
    const balancer = balancerOf("chash", threeNodes);
    const found = new Set(Array.from("äöü日本語кириллица", (key) => balancer.pick(key, [])?.label));
    expect(found.size).toBe(3);
  });
});

describe("least_conn", () => {
  test("a node with calls under way is left alone until they end", () => {
    const nodes = [nodeOf("a:1"), nodeOf("b:1")];
    const balancer = balancerOf("least_conn", nodes);
    for (let i = 0; i < 4; i++) balancer.watcher?.begun(nodes[0]!);
    for (let i = 0; i < 4; i++) {
      expect(balancer.pick("", [])?.label).toBe("b:1");
      balancer.watcher?.begun(nodes[1]!);
    }
    for (let i = 0; i < 3; i++) balancer.watcher?.ended(nodes[0]!);
    for (let i = 0; i < 3; i++) {
      expect(balancer.pick("", [])?.label).toBe("a:1");
      balancer.watcher?.begun(nodes[0]!);
    }
  });

  test("calls under way settle in proportion to the weights", () => {
    const nodes = [nodeOf("a:1", { weight: 3 }), nodeOf("b:1"), nodeOf("c:1", { weight: 2 })];
    const balancer = balancerOf("least_conn", nodes);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 60; i++) {
      const node = balancer.pick("", [])!;
      balancer.watcher?.begun(node);
      counts[node.label] = (counts[node.label] ?? 0) + 1;
    }
    expect(counts).toEqual({ "a:1": 30, "b:1": 10, "c:1": 20 });
  });

  test("counts outlive the balancer, and end where they began", () => {
    const memory = new BalancerMemory();
    const context = { owner: "upstreams/1", memory, random: () => 0, now: () => 0 };
    const [old, kept] = [nodeOf("a:1"), nodeOf("b:1")];
    const before = findBalancer("least_conn")!([old, kept], context);
    before.watcher?.begun(old);
    const after = findBalancer("least_conn")!([nodeOf("a:1"), nodeOf("c:1")], context);
    for (let i = 0; i < 4; i++) expect(after.pick("", [])?.label).toBe("c:1");
    before.watcher?.ended(old);
    const picks = new Set([after.pick("", [])?.label, after.pick("", [])?.label]);
    expect(picks).toEqual(new Set(["a:1", "c:1"]));
  });

  test("upstreams do not count for one another, and a removed one is forgotten", () => {
    const memory = new BalancerMemory();
    const make = (owner: string) =>
      findBalancer("least_conn")!([nodeOf("a:1"), nodeOf("b:1")], {
        owner,
        memory,
        random: () => 0,
        now: () => 0,
      });
    const first = make("upstreams/1");
    const busy = first.pick("", [])!;
    for (let i = 0; i < 9; i++) first.watcher?.begun(busy);
    const other = make("upstreams/10");
    expect(new Set([other.pick("", []), other.pick("", [])]).size).toBe(2);
    memory.forget("upstreams/1");
    const again = make("upstreams/1");
    expect(new Set([again.pick("", []), again.pick("", [])]).size).toBe(2);
  });
});

describe("ewma", () => {
  /** A balancer on a clock that the test moves. */
  function fixture(labels: readonly string[]) {
    const clock = { now: 0 };
    const nodes = labels.map((label) => nodeOf(label));
    const context = {
      owner: "upstreams/1",
      memory: new BalancerMemory(),
      random: seeded(7),
      now: () => clock.now,
    };
    const balancer = findBalancer("ewma")!(nodes, context);
    const call = (node: Node, latencyMs: number): void => {
      balancer.watcher?.begun(node);
      balancer.watcher?.answered(node, latencyMs);
      balancer.watcher?.ended(node);
    };
    return { clock, nodes, balancer, call, context };
  }

  test("prefers the faster of two", () => {
    const { balancer, nodes, call } = fixture(["slow:1", "fast:1"]);
    call(nodes[0]!, 100);
    call(nodes[1]!, 5);
    for (let i = 0; i < 50; i++) expect(balancer.pick("", [])?.label).toBe("fast:1");
  });

  test("of many, the slowest gets nothing and the others share", () => {
    const { balancer, nodes, call } = fixture(["a:1", "b:1", "c:1", "slow:1"]);
    for (const node of nodes) call(node, node.label === "slow:1" ? 500 : 5);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 3_000; i++) {
      const label = balancer.pick("", [])!.label;
      counts[label] = (counts[label] ?? 0) + 1;
    }
    expect(counts["slow:1"]).toBeUndefined();
    expect(Object.keys(counts).sort()).toEqual(["a:1", "b:1", "c:1"]);
  });

  test("believes a peak at once, and a recovery little by little", () => {
    const { balancer, nodes, call, clock } = fixture(["a:1", "b:1"]);
    const [a, b] = nodes as [Node, Node];
    call(a, 10);
    call(b, 50);
    call(a, 200);
    expect(balancer.pick("", [])).toBe(b);
    clock.now += 1_000;
    call(a, 10);
    call(b, 50);
    expect(balancer.pick("", [])).toBe(b);
    clock.now += 30_000;
    call(a, 10);
    call(b, 50);
    expect(balancer.pick("", [])).toBe(a);
  });

  test("an unused node's past fades, so that it is tried again", () => {
    const { balancer, nodes, call, clock } = fixture(["was-slow:1", "b:1"]);
    call(nodes[0]!, 1_000);
    call(nodes[1]!, 20);
    expect(balancer.pick("", [])?.label).toBe("b:1");
    for (let i = 0; i < 60; i++) {
      clock.now += 1_000;
      call(nodes[1]!, 20);
    }
    expect(balancer.pick("", [])?.label).toBe("was-slow:1");
  });

  test("calls that wait count", () => {
    const { balancer, nodes, call } = fixture(["a:1", "b:1"]);
    call(nodes[0]!, 10);
    call(nodes[1]!, 12);
    for (let i = 0; i < 3; i++) balancer.watcher?.begun(nodes[0]!);
    expect(balancer.pick("", [])?.label).toBe("b:1");
  });

  test("a try that fails does not make a node look fast", () => {
    const { balancer, nodes, call } = fixture(["a:1", "dead:1"]);
    call(nodes[0]!, 10);
    call(nodes[1]!, 40);
    for (let i = 0; i < 20; i++) {
      balancer.watcher?.begun(nodes[1]!);
      balancer.watcher?.ended(nodes[1]!);
    }
    expect(balancer.pick("", [])?.label).toBe("a:1");
  });

  test("an address keeps its latency across upstreams", () => {
    const { nodes, call, context } = fixture(["slow:1", "fast:1"]);
    call(nodes[0]!, 100);
    call(nodes[1]!, 5);
    const other = findBalancer("ewma")!([nodeOf("slow:1"), nodeOf("fast:1")], {
      ...context,
      owner: "upstreams/2",
    });
    for (let i = 0; i < 20; i++) expect(other.pick("", [])?.label).toBe("fast:1");
  });
});
