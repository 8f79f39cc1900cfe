import { afterEach, describe, expect, test } from "bun:test";
import type { HealthCheck, Upstream } from "@catena/schema";
import { freePort, type RawPeer, type RawServer, startRawServer } from "@catena/testkit";
import { compileUpstream, type UpstreamPlan } from "../compile-upstream.ts";
import { codeOf, until } from "../conformance/call-fixture.ts";
import { createResolver, type Resolver } from "../resolver.ts";
import { sendToUpstream } from "../send-to-upstream.ts";
import { createTransport } from "../transport/create-transport.ts";
import type { HealthTurn } from "./health-checker.ts";
import { HealthChecks, type HealthChecksOptions } from "./health-checks.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A node whose answers the test switches: a status, or what it does instead. */
interface TestNode {
  readonly port: number;
  readonly server: RawServer;
  answer: number | "hang" | "close";
  /** Targets asked for, probes and calls alike. */
  readonly targets: () => string[];
}

function startNode(answer: TestNode["answer"] = 200): TestNode {
  const respond = (peer: RawPeer): void => {
    if (node.answer === "close") peer.end();
    else if (node.answer !== "hang")
      peer.write(`HTTP/1.1 ${node.answer} X\r\nContent-Length: 0\r\n\r\n`);
  };
  const server = startRawServer({ onRequest: (_, peer) => respond(peer) });
  cleanups.push(() => server.stop());
  const targets = () => server.requests.map(({ target }) => target);
  const node: TestNode = { port: server.port, server, answer, targets };
  return node;
}

const nodesOf = (...nodes: readonly { readonly port: number }[]): Record<string, number> =>
  Object.fromEntries(nodes.map(({ port }) => [`127.0.0.1:${port}`, 1]));

const active: NonNullable<HealthCheck["active"]> = {
  http_path: "/probe",
  timeout: 0.1,
  healthy: { interval: 1, successes: 2 },
  unhealthy: { interval: 1, http_failures: 2, tcp_failures: 2, timeouts: 2 },
};

/** Checks on a clock that the test moves, with everything around them. */
function setUp(options: Partial<HealthChecksOptions> & { readonly resolver?: Resolver } = {}) {
  const clock = { now: 0 };
  const turns: HealthTurn[] = [];
  const transport = createTransport();
  const { resolver = createResolver() } = options;
  const checks = new HealthChecks({
    transport,
    resolver,
    now: () => clock.now,
    onTurn: (turn) => turns.push(turn),
    ...options,
  });
  cleanups.push(
    () => checks.close(),
    () => transport.close(),
  );
  const compile = (upstream: Upstream, owner = "upstreams/1"): UpstreamPlan => {
    const services = { resolver, random: Math.random, owner, health: checks };
    const { value, issues } = compileUpstream(upstream, services);
    if (value === undefined) throw new Error(issues.map(({ message }) => message).join());
    return value;
  };
  const send = (plan: UpstreamPlan): Promise<string> =>
    sendToUpstream(
      plan,
      {
        method: "GET",
        target: "/call",
        headers: ["Host", "client.test"],
        clientHost: "client.test",
        body: null,
        timeouts: { connectMs: 1_000, sendMs: 1_000, readMs: 100 },
        deadlineAt: Number.POSITIVE_INFINITY,
        maxBodyBytes: 1_000,
        buffered: true,
        cancel: null,
        idempotent: true,
        hashKey: "",
        failures: null,
      },
      transport,
    ).then(({ status }) => String(status), codeOf);
  const advance = (ms: number): void => {
    clock.now += ms;
    checks.tick();
  };
  /** The upstream is used and its checks have begun. */
  const begin = (plan: UpstreamPlan): void => {
    plan.checker?.start();
    advance(1_000);
  };
  /** Moves the clock to the next round of probes and waits until no probe is under way. */
  const round = async (): Promise<void> => {
    advance(1_000);
    await until(() => transport.stats().activeCalls === 0, "the probes are over");
    await Bun.sleep(0);
  };
  const states = (owner = "upstreams/1"): string[] =>
    checks.reportOf(owner)?.nodes.map(({ status }) => status) ?? [];
  return { checks, clock, turns, transport, compile, send, advance, begin, round, states };
}

describe("active checks", () => {
  test.each<[string, TestNode["answer"], string]>([
    ["a bad status", 500, "http_failure"],
    ["a connection that is closed", "close", "tcp_failure"],
    ["silence", "hang", "timeout_failure"],
  ])("take a node out for %s, and bring it back", async (_, answer, counter) => {
    const [good, bad] = [startNode(), startNode(answer)];
    const { compile, begin, round, states, send, checks, turns } = setUp();
    const plan = compile({ nodes: nodesOf(good, bad), checks: { active } });
    begin(plan);
    expect(states()).toEqual(["healthy", "healthy"]);
    await round();
    expect(states()).toEqual(["healthy", "mostly_healthy"]);
    await round();
    expect(states()).toEqual(["healthy", "unhealthy"]);
    expect(checks.reportOf("upstreams/1")?.nodes[1]?.counter).toMatchObject({ [counter]: 2 });
    for (let i = 0; i < 6; i++) expect(await send(plan)).toBe("200");
    expect(bad.targets()).not.toContain("/call");

    bad.answer = 200;
    await round();
    expect(states()).toEqual(["healthy", "mostly_unhealthy"]);
    await round();
    expect(states()).toEqual(["healthy", "healthy"]);
    for (let i = 0; i < 4; i++) await send(plan);
    expect(bad.targets()).toContain("/call");
    expect(turns.map(({ port, isUp }) => [port, isUp])).toEqual([
      [bad.port, false],
      [bad.port, true],
    ]);
  });

  test("a status of neither list says nothing", async () => {
    const node = startNode(301);
    const { compile, begin, round, states } = setUp();
    begin(compile({ nodes: nodesOf(node), checks: { active } }));
    for (let i = 0; i < 3; i++) await round();
    expect(node.targets().length).toBe(3);
    expect(states()).toEqual(["healthy"]);
  });

  test("of type tcp need no answer", async () => {
    const open = startNode("hang");
    const closed = { port: await freePort() };
    const { compile, begin, advance, states } = setUp();
    const tcp = { ...active, type: "tcp" as const };
    begin(compile({ nodes: nodesOf(open, closed), checks: { active: tcp } }));
    advance(1_000);
    await until(() => states()[1] === "mostly_healthy", "the closed port failed once");
    advance(1_000);
    await until(() => states()[1] === "unhealthy", "the closed port failed twice");
    expect(states()[0]).toBe("healthy");
    expect(open.targets()).toEqual([]);
  });

  test("each side is probed at its own interval, or not at all", async () => {
    const [good, bad] = [startNode(), startNode(500)];
    const { compile, begin, round, states } = setUp();
    const sides = { healthy: { interval: 1 }, unhealthy: { interval: 3, http_failures: 1 } };
    begin(compile({ nodes: nodesOf(good, bad), checks: { active: { ...active, ...sides } } }));
    for (let i = 0; i < 6; i++) await round();
    expect(states()).toEqual(["healthy", "unhealthy"]);
    expect(good.targets().length).toBe(6);
    // Once as a node that is up, then every third second.
    expect(bad.targets().length).toBe(3);

    const { unhealthy: _, ...onlyHealthy } = active;
    const other = setUp();
    other.begin(other.compile({ nodes: nodesOf(bad), checks: { active: onlyHealthy } }));
    const before = bad.targets().length;
    for (let i = 0; i < 7; i++) await other.round();
    // Five failures take it out by the library's default; nobody asks again.
    expect(other.states()).toEqual(["unhealthy"]);
    expect(bad.targets().length - before).toBe(5);
  });

  test("a probe that is not answered is not doubled", async () => {
    const node = startNode("hang");
    const { compile, begin, advance, transport } = setUp();
    begin(compile({ nodes: nodesOf(node), checks: { active: { ...active, timeout: 9 } } }));
    for (let i = 0; i < 5; i++) advance(1_000);
    await until(() => node.targets().length > 0, "the probe is there");
    expect(transport.stats().activeCalls).toBe(1);
  });

  test("no more probes are under way than concurrency allows", async () => {
    const nodes = Array.from({ length: 7 }, () => startNode("hang"));
    const { compile, begin, advance, transport } = setUp();
    begin(compile({ nodes: nodesOf(...nodes), checks: { active: { ...active, concurrency: 3 } } }));
    advance(1_000);
    expect(transport.stats().activeCalls).toBe(3);
    await until(() => nodes.every((node) => node.targets().length === 1), "all were probed");
  });

  test("go to checks.active.port, which nodes of one address share", async () => {
    const [a, b, status] = [startNode(), startNode(), startNode(500)];
    const { compile, begin, round, checks } = setUp();
    begin(
      compile({
        nodes: nodesOf(a, b),
        checks: { active: { ...active, port: status.port, host: "status.test" } },
      }),
    );
    await round();
    expect(status.server.requests.map(({ headerLines }) => headerLines)).toEqual([
      ["Host: status.test", "Connection: close"],
    ]);
    const nodes = checks.reportOf("upstreams/1")?.nodes ?? [];
    expect(nodes.map(({ port, hostname }) => [port, hostname])).toEqual([
      [status.port, "status.test"],
    ]);
  });

  test.each<[string, Partial<Upstream>, string]>([
    ["the node's", {}, "127.0.0.1"],
    ["the upstream's of rewrite", { pass_host: "rewrite", upstream_host: "up.test" }, "up.test"],
  ])("send as Host %s", async (_, upstream, host) => {
    const node = startNode();
    const { compile, begin, round } = setUp();
    begin(compile({ nodes: nodesOf(node), checks: { active }, ...upstream }));
    await round();
    expect(node.server.requests[0]?.headerLines[0]).toBe(`Host: ${host}`);
  });
});

describe("all nodes down", () => {
  test("are all used: the checks are not believed", async () => {
    const nodes = [startNode(500), startNode(500)];
    const { compile, begin, round, states, send } = setUp();
    const plan = compile({ nodes: nodesOf(...nodes), checks: { active } });
    begin(plan);
    await round();
    await round();
    expect(states()).toEqual(["unhealthy", "unhealthy"]);
    for (let i = 0; i < 4; i++) expect(await send(plan)).toBe("500");
    for (const node of nodes)
      expect(node.targets().filter((target) => target === "/call").length).toBe(2);
  });

  test("the only node is used", async () => {
    const node = startNode(500);
    const { compile, begin, round, states, send } = setUp();
    const plan = compile({ nodes: nodesOf(node), checks: { active } });
    begin(plan);
    await round();
    await round();
    expect(states()).toEqual(["unhealthy"]);
    node.answer = 200;
    expect(await send(plan)).toBe("200");
  });
});

describe("passive checks", () => {
  const passive: NonNullable<HealthCheck["passive"]> = {
    healthy: { http_statuses: [200], successes: 2 },
    unhealthy: { http_statuses: [500], http_failures: 2, tcp_failures: 2, timeouts: 2 },
  };
  const still = { http_path: "/probe" };

  test("judge the statuses of real replies", async () => {
    const node = startNode(500);
    const { compile, begin, send, states } = setUp();
    const plan = compile({ nodes: nodesOf(node), checks: { active: still, passive } });
    begin(plan);
    await send(plan);
    expect(states()).toEqual(["mostly_healthy"]);
    await send(plan);
    expect(states()).toEqual(["unhealthy"]);
    node.answer = 204;
    await send(plan);
    expect(states()).toEqual(["unhealthy"]);
    node.answer = 200;
    await send(plan);
    await send(plan);
    expect(states()).toEqual(["healthy"]);
    expect(node.targets()).not.toContain("/probe");
  });

  test.each<[TestNode["answer"], string]>([
    ["close", "tcp_failure"],
    ["hang", "timeout_failure"],
  ])("judge failed tries: %s", async (answer, counter) => {
    const [bad, good] = [startNode(answer), startNode()];
    const { compile, begin, send, states, checks } = setUp();
    const nodes = [bad, good].map(({ port }, i) => ({
      host: "127.0.0.1",
      port,
      weight: 1,
      priority: -i,
    }));
    const plan = compile({ nodes, checks: { active: still, passive } });
    begin(plan);
    for (let i = 0; i < 4; i++) expect(await send(plan)).toBe("200");
    expect(states()[0]).toBe("unhealthy");
    expect(checks.reportOf("upstreams/1")?.nodes[0]?.counter).toMatchObject({ [counter]: 2 });
    expect(bad.targets().length).toBe(2);
  });

  test("the last failure counts as the status it becomes, when that is listed", async () => {
    const node = startNode("close");
    const { compile, begin, send, checks } = setUp();
    const unhealthy = { http_statuses: [502], http_failures: 9, tcp_failures: 9 };
    const plan = compile({
      nodes: nodesOf(node),
      checks: { active: still, passive: { unhealthy } },
    });
    begin(plan);
    await send(plan);
    expect(checks.reportOf("upstreams/1")?.nodes[0]?.counter).toMatchObject({
      http_failure: 1,
      tcp_failure: 0,
    });
  });

  test("without any configured, only tries that another follows count", async () => {
    const [bad, good] = [startNode("close"), startNode()];
    const { compile, begin, send, states } = setUp();
    const plan = compile({ nodes: nodesOf(bad), checks: { active: still } });
    begin(plan);
    for (let i = 0; i < 3; i++) await send(plan);
    expect(states()).toEqual(["healthy"]);
    const two = compile({ nodes: nodesOf(bad, good), checks: { active: still } });
    for (let i = 0; i < 6; i++) expect(await send(two)).toBe("200");
    expect(states()[0]).toBe("unhealthy");
  });

  test("a request that its client gave up says nothing", async () => {
    const node = startNode("hang");
    const { compile, begin, states, transport } = setUp();
    const plan = compile({ nodes: nodesOf(node), checks: { active: still, passive } });
    begin(plan);
    const request = {
      method: "GET",
      target: "/call",
      headers: ["Host", "x"],
      clientHost: "x",
      body: null,
      timeouts: null,
      deadlineAt: performance.now() + 20,
      maxBodyBytes: 1_000,
      buffered: true,
      cancel: null,
      idempotent: true,
      hashKey: "",
      failures: null,
    };
    expect(await sendToUpstream(plan, request, transport).catch(codeOf)).toBe("UPSTREAM_DEADLINE");
    expect(states()).toEqual(["healthy"]);
  });
});

describe("the life of a checker", () => {
  test("begins after the upstream was first used; until then nothing counts", async () => {
    const node = startNode(500);
    const { compile, send, states, advance, checks } = setUp();
    const passive = { unhealthy: { http_failures: 1 } };
    const plan = compile({ nodes: nodesOf(node), checks: { active, passive } });
    for (let i = 0; i < 3; i++) advance(1_000);
    expect(node.targets()).toEqual([]);
    await send(plan);
    expect(checks.reports()).toEqual([{ owner: "upstreams/1", type: "http", nodes: [] }]);
    advance(1_000);
    expect(states()).toEqual(["healthy"]);
    await send(plan);
    expect(states()).toEqual(["unhealthy"]);
  });

  test("outlives a new plan, and so do the states of nodes that stay", async () => {
    const [bad, good, late] = [startNode(500), startNode(), startNode()];
    const { compile, begin, round, states, send, checks } = setUp();
    begin(compile({ nodes: nodesOf(bad, good), checks: { active } }));
    await round();
    await round();
    checks.changed("upstreams/1");
    const plan = compile({ nodes: nodesOf(late, bad), checks: { active }, retries: 0 });
    expect(checks.reportOf("upstreams/1")?.nodes.map(({ port, status }) => [port, status])).toEqual(
      [
        [bad.port, "unhealthy"],
        [late.port, "healthy"],
      ],
    );
    for (let i = 0; i < 4; i++) expect(await send(plan)).toBe("200");
    await round();
    expect(late.targets()).toContain("/probe");
    expect(good.targets().filter((target) => target === "/probe").length).toBe(2);
    expect(states()).toHaveLength(2);
  });

  test("takes new checks, and keeps what was decided", async () => {
    const [bad, shaky] = [startNode(500), startNode()];
    const { compile, begin, round, states } = setUp();
    begin(compile({ nodes: nodesOf(bad, shaky), checks: { active } }));
    await round();
    shaky.answer = 500;
    await round();
    expect(states()).toEqual(["unhealthy", "mostly_healthy"]);
    compile({ nodes: nodesOf(bad, shaky), checks: { active: { ...active, http_path: "/new" } } });
    expect(states()).toEqual(["unhealthy", "healthy"]);
    await round();
    expect(bad.targets().at(-1)).toBe("/new");
  });

  test("ends when the upstream is gone, has no checks any more, or is not compiled again", async () => {
    const node = startNode(500);
    const { compile, begin, round, checks, advance } = setUp();
    const checked: Upstream = { nodes: nodesOf(node), checks: { active } };

    begin(compile(checked));
    checks.release("upstreams/1");
    begin(compile(checked));
    compile({ nodes: nodesOf(node) });
    begin(compile(checked));
    checks.changed("upstreams/1");
    advance(9_999);
    expect(checks.reports().length).toBe(1);
    advance(1);
    expect(checks.reports()).toEqual([]);
    const seen = node.targets().length;
    await round();
    expect(node.targets().length).toBe(seen);
  });

  test("an old plan works on when its checker has ended", async () => {
    const [bad, good] = [startNode(500), startNode()];
    const { compile, begin, round, checks, send, turns } = setUp();
    const plan = compile({ nodes: nodesOf(bad, good), checks: { active } });
    begin(plan);
    await round();
    await round();
    expect(turns.length).toBe(1);
    checks.release("upstreams/1");
    const outcomes = new Set([await send(plan), await send(plan)]);
    expect(outcomes).toEqual(new Set(["200", "500"]));
    expect(checks.reports()).toEqual([]);
  });

  test("owners have checkers of their own", async () => {
    const node = startNode(500);
    const { compile, begin, round, checks } = setUp();
    const upstream: Upstream = { nodes: nodesOf(node), checks: { active } };
    begin(compile(upstream, "routes/1"));
    compile(upstream, "services/2");
    await round();
    expect(checks.reports().map(({ owner, nodes }) => [owner, nodes.length])).toEqual([
      ["routes/1", 1],
      ["services/2", 0],
    ]);
  });

  test("switched off, nothing is checked", async () => {
    const node = startNode(500);
    const { compile, send, checks } = setUp({ isEnabled: false });
    const plan = compile({ nodes: nodesOf(node), checks: { active } });
    expect(plan.checker).toBeNull();
    await send(plan);
    expect(checks.reports()).toEqual([]);
  });

  test("the timer runs by itself, and does not keep a process alive", async () => {
    const path = new URL("./health-checks.ts", import.meta.url).pathname;
    const script = `
      import { HealthChecks } from ${JSON.stringify(path)};
      import { compileChecks } from ${JSON.stringify(path.replace("health-checks", "check-policy"))};
      const transport = { name: "none", send: () => { console.log("probe"); return Promise.reject(new Error("x")); } };
      const checks = new HealthChecks({ transport, resolver: {}, onTurn: () => {} });
      const policy = compileChecks({ active: { healthy: { interval: 0.1 } } }, []);
      const nodes = [{ host: "127.0.0.1", port: 1, fixed: { address: "127.0.0.1", port: 1 } }];
      checks.bind("a", { policy, nodes, rewrittenHost: null, tls: {} }).checker.start();
      await Bun.sleep(1500);
      console.log("done");`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const lines = (await new Response(child.stdout).text()).trim().split("\n");
    expect(await child.exited).toBe(0);
    expect(lines[0]).toBe("probe");
    expect(lines.at(-1)).toBe("done");
  });
});

describe("names", () => {
  const addresses: Record<string, readonly string[]> = {};
  const resolver = () =>
    createResolver({
      ttlMs: 0,
      lookup: async (name) => addresses[name] ?? [],
      random: Math.random,
    });

  test("every address is checked, and calls go to those that are up", async () => {
    const counts: Record<string, string[]> = { "127.0.0.2": [], "127.0.0.3": [] };
    let port = 0;
    for (const hostname of ["127.0.0.2", "127.0.0.3"]) {
      const server = Bun.serve({
        hostname,
        port,
        fetch: ({ url, headers }) => {
          counts[hostname]?.push(`${new URL(url).pathname} ${headers.get("host")}`);
          return new Response(null, { status: hostname === "127.0.0.2" ? 500 : 200 });
        },
      });
      cleanups.push(() => server.stop(true));
      port = server.port ?? 0;
    }
    addresses["many.test"] = ["127.0.0.2", "127.0.0.3"];
    const { compile, begin, round, send, checks } = setUp({ resolver: resolver() });
    const plan = compile({ nodes: { [`many.test:${port}`]: 1 }, checks: { active } });
    begin(plan);
    await until(() => checks.reportOf("upstreams/1")?.nodes.length === 2, "both are known");
    await round();
    await round();
    expect(
      checks
        .reportOf("upstreams/1")
        ?.nodes.map(({ ip, hostheader, status }) => [ip, hostheader, status]),
    ).toEqual([
      ["127.0.0.2", "many.test", "unhealthy"],
      ["127.0.0.3", "many.test", "healthy"],
    ]);
    expect(counts["127.0.0.2"]).toEqual(["/probe many.test", "/probe many.test"]);
    for (let i = 0; i < 20; i++) expect(await send(plan)).toBe("200");

    addresses["many.test"] = ["127.0.0.3"];
    await round();
    await until(() => checks.reportOf("upstreams/1")?.nodes.length === 1, "the address is gone");
  });
});
