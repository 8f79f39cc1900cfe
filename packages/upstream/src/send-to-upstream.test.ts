import { afterEach, describe, expect, test } from "bun:test";
import type { Upstream } from "@catena/schema";
import {
  freePort,
  type RawPeer,
  type RawRequest,
  type RawServer,
  startRawServer,
} from "@catena/testkit";
import { compileUpstream, type UpstreamServices } from "./compile-upstream.ts";
import { codeOf, until } from "./conformance/call-fixture.ts";
import { authority, namedServer } from "./conformance/test-certificates.ts";
import { createResolver } from "./resolver.ts";
import { type OutgoingRequest, sendToUpstream } from "./send-to-upstream.ts";
import { CancelScope } from "./transport/cancel-scope.ts";
import { createTransport } from "./transport/create-transport.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** What a node does with every request. */
const behaviours: Readonly<Record<string, (request: RawRequest, peer: RawPeer) => void>> = {
  ok: (_, peer) => peer.write(OK),
  s503: (_, peer) => peer.write("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"),
  hang: () => {},
  close: (_, peer) => peer.end(),
  reset: (_, peer) => peer.reset(),
  nonsense: (_, peer) => peer.write("nonsense\r\n\r\n"),
  cut: (_, peer) => {
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    peer.end();
  },
};

interface Started {
  readonly port: number;
  readonly server: RawServer | null;
}

/** Starts a node; `refused` is one that nothing listens at. */
async function startNode(behaviour: string): Promise<Started> {
  if (behaviour === "refused") return { port: await freePort(), server: null };
  const onRequest = behaviours[behaviour];
  if (onRequest === undefined) throw new Error(`no behaviour ${behaviour}`);
  const server = startRawServer({ onRequest });
  cleanups.push(() => server.stop());
  return { port: server.port, server };
}

/** Nodes in the order in which they are tried: by priority, so that nothing is left to chance. */
function nodesOf(started: readonly Started[]): NonNullable<Upstream["nodes"]> {
  return started.map(({ port }, i) => ({ host: "127.0.0.1", port, weight: 1, priority: -i }));
}

function requestOf(more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    method: "GET",
    target: "/",
    headers: ["Host", "client.test:9080"],
    clientHost: "client.test:9080",
    body: null,
    timeouts: null,
    deadlineAt: Number.POSITIVE_INFINITY,
    maxBodyBytes: 1_000_000,
    buffered: true,
    cancel: null,
    idempotent: true,
    hashKey: "",
    failures: null,
    ...more,
  };
}

const POST: Partial<OutgoingRequest> = { method: "POST", body: "once", idempotent: false };
const short = { connect: 0.3, send: 0.3, read: 0.08 };

function setUp(upstream: Upstream, more: Partial<UpstreamServices> = {}) {
  const transport = createTransport();
  cleanups.push(() => transport.close());
  const services = { resolver: createResolver(), random: () => 0, ...more };
  const { value: plan, issues } = compileUpstream({ timeout: short, ...upstream }, services);
  if (plan === undefined) throw new Error(issues.map(({ message }) => message).join());
  const send = async (request: Partial<OutgoingRequest> = {}) => {
    const outgoing = requestOf(request);
    const outcome = await sendToUpstream(plan, outgoing, transport).then(
      ({ status }) => String(status),
      codeOf,
    );
    return { outcome, failures: outgoing.failures };
  };
  return { plan, transport, send };
}

interface TryCase {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly request?: Partial<OutgoingRequest>;
  readonly retries?: number;
  readonly outcome: string;
  readonly failures: readonly number[] | null;
  /** Requests each node saw. */
  readonly seen: readonly number[];
}

const cases: readonly TryCase[] = [
  { name: "a good node", nodes: ["ok", "ok"], outcome: "200", failures: null, seen: [1, 0] },
  {
    name: "refused, then good",
    nodes: ["refused", "ok"],
    outcome: "200",
    failures: [502],
    seen: [0, 1],
  },
  {
    name: "reset, then good",
    nodes: ["reset", "ok"],
    outcome: "200",
    failures: [502],
    seen: [1, 1],
  },
  {
    name: "closed, then good",
    nodes: ["close", "ok"],
    outcome: "200",
    failures: [502],
    seen: [1, 1],
  },
  {
    name: "silent, then good",
    nodes: ["hang", "ok"],
    outcome: "200",
    failures: [504],
    seen: [1, 1],
  },
  {
    name: "all refused: the last error",
    nodes: ["refused", "refused"],
    outcome: "UPSTREAM_REFUSED",
    failures: [502, 502],
    seen: [0, 0],
  },
  {
    name: "every failure is noted, in order",
    nodes: ["refused", "hang", "reset", "ok"],
    outcome: "200",
    failures: [502, 504, 502],
    seen: [0, 1, 1, 1],
  },
  {
    name: "a status is no failure",
    nodes: ["s503", "ok"],
    outcome: "503",
    failures: null,
    seen: [1, 0],
  },
  {
    name: "what is no HTTP is not tried again",
    nodes: ["nonsense", "ok"],
    outcome: "UPSTREAM_BAD_REPLY",
    failures: [502],
    seen: [1, 0],
  },
  {
    name: "retries 0",
    nodes: ["refused", "ok"],
    retries: 0,
    outcome: "UPSTREAM_REFUSED",
    failures: [502],
    seen: [0, 0],
  },
  {
    name: "fewer retries than nodes",
    nodes: ["refused", "refused", "ok"],
    retries: 1,
    outcome: "UPSTREAM_REFUSED",
    failures: [502, 502],
    seen: [0, 0, 0],
  },
  {
    name: "more retries than nodes: none is left",
    nodes: ["refused", "hang"],
    retries: 9,
    outcome: "UPSTREAM_NO_NODE",
    failures: [502, 504],
    seen: [0, 1],
  },
  {
    name: "POST goes on when nothing was sent",
    nodes: ["refused", "ok"],
    request: POST,
    outcome: "200",
    failures: [502],
    seen: [0, 1],
  },
  {
    name: "POST stays after a reset",
    nodes: ["reset", "ok"],
    request: POST,
    outcome: "UPSTREAM_RESET",
    failures: [502],
    seen: [1, 0],
  },
  {
    name: "POST stays after a timeout",
    nodes: ["hang", "ok"],
    request: POST,
    outcome: "UPSTREAM_READ_TIMEOUT",
    failures: [504],
    seen: [1, 0],
  },
  {
    name: "PUT goes on after a reset, its body with it",
    nodes: ["reset", "ok"],
    request: { method: "PUT", body: "again" },
    outcome: "200",
    failures: [502],
    seen: [1, 1],
  },
  {
    name: "one node is tried once",
    nodes: ["refused"],
    outcome: "UPSTREAM_REFUSED",
    failures: null,
    seen: [0],
  },
  {
    name: "the only node is tried again when retries say so",
    nodes: ["reset"],
    retries: 2,
    outcome: "UPSTREAM_RESET",
    failures: [502, 502, 502],
    seen: [3],
  },
];

describe("tries", () => {
  test.each(cases.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const started = await Promise.all(each.nodes.map(startNode));
    const { send, transport } = setUp({
      nodes: nodesOf(started),
      ...(each.retries === undefined ? {} : { retries: each.retries }),
    });
    expect(await send(each.request)).toEqual({
      outcome: each.outcome,
      failures: each.failures as number[] | null,
    });
    expect(started.map(({ server }) => server?.requests.length ?? 0)).toEqual([...each.seen]);
    expect(transport.stats().activeCalls).toBe(0);
  });

  test("a stream that was begun is not sent again", async () => {
    const started = await Promise.all(["reset", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started) });
    const body = new Blob(["once"]).stream();
    expect((await send({ method: "PUT", body })).outcome).toBe("UPSTREAM_RESET");
    expect(started[1]?.server?.requests.length).toBe(0);
  });

  test("a stream goes to the next node when nothing was sent", async () => {
    const started = await Promise.all(["refused", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started) });
    const body = new Blob(["once"]).stream();
    expect((await send({ method: "POST", body, idempotent: false })).outcome).toBe("200");
    expect(started[1]?.server?.requests[0]?.body.toString()).toBe("once");
  });

  test("no try begins after retry_timeout", async () => {
    const started = await Promise.all(["hang", "hang", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started), retry_timeout: 0.1 });
    expect(await send()).toEqual({ outcome: "UPSTREAM_RETRY_TIMEOUT", failures: [504, 504] });
    expect(started[2]?.server?.requests.length).toBe(0);
  });

  test("retry_timeout does not end a try that runs", async () => {
    const started = await Promise.all(["ok", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started), retry_timeout: 0.000_001 });
    expect(await send()).toEqual({ outcome: "200", failures: null });
  });

  test("a deadline ends all tries", async () => {
    const started = await Promise.all(["hang", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started), timeout: { connect: 9, send: 9, read: 9 } });
    const deadlineAt = performance.now() + 60;
    expect((await send({ deadlineAt })).outcome).toBe("UPSTREAM_DEADLINE");
    expect(started[1]?.server?.requests.length).toBe(0);
  });

  test("a request that is given up is not tried again", async () => {
    const started = await Promise.all(["hang", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started), timeout: { connect: 9, send: 9, read: 9 } });
    const cancel = new CancelScope();
    const sent = send({ cancel });
    await until(() => started[0]?.server?.requests.length === 1, "the first node has the request");
    cancel.cancel("client-gone");
    expect((await sent).outcome).toBe("UPSTREAM_CANCELLED");
    expect(started[1]?.server?.requests.length).toBe(0);
  });

  test("a buffered reply that is cut short is tried again, a POST's is not", async () => {
    const started = await Promise.all(["cut", "ok"].map(startNode));
    const { send } = setUp({ nodes: nodesOf(started) });
    expect((await send()).outcome).toBe("200");
    expect((await send(POST)).outcome).toBe("UPSTREAM_RESET");
  });

  test("an upstream without nodes is unavailable", async () => {
    const { send } = setUp({ nodes: {} });
    expect(await send()).toEqual({ outcome: "UPSTREAM_EMPTY", failures: null });
  });
});

describe("timeouts of the phases", () => {
  const phases: [string, Partial<Upstream>, Partial<OutgoingRequest>, string][] = [
    ["connect", { scheme: "https" }, {}, "UPSTREAM_CONNECT_TIMEOUT"],
    ["send", {}, { method: "PUT", body: Buffer.alloc(30_000_000) }, "UPSTREAM_SEND_TIMEOUT"],
    ["read", {}, {}, "UPSTREAM_READ_TIMEOUT"],
  ];
  for (const [phase, upstream, request, expected] of phases) {
    test(`${phase} has its own, of the upstream`, async () => {
      const server = startRawServer({ keepBodies: false, onHead: (_, peer) => peer.pause() });
      cleanups.push(() => server.stop());
      const timeout = { connect: 9, send: 9, read: 9, [phase]: 0.06 };
      const { send } = setUp({ nodes: { [`127.0.0.1:${server.port}`]: 1 }, timeout, ...upstream });
      expect((await send(request)).outcome).toBe(expected);
    });

    test(`${phase} of the route wins`, async () => {
      const server = startRawServer({ keepBodies: false, onHead: (_, peer) => peer.pause() });
      cleanups.push(() => server.stop());
      const timeout = { connect: 9, send: 9, read: 9 };
      const { send } = setUp({ nodes: { [`127.0.0.1:${server.port}`]: 1 }, timeout, ...upstream });
      const timeouts = { connectMs: 9_000, sendMs: 9_000, readMs: 9_000, [`${phase}Ms`]: 60 };
      expect((await send({ ...request, timeouts })).outcome).toBe(expected);
    });
  }
});

describe("Host", () => {
  const hosts = async (upstream: Upstream, hostsTable: Record<string, string>) => {
    const resolver = createResolver({ hosts: hostsTable });
    const { send } = setUp(upstream, { resolver });
    return send();
  };

  test.each<[string, Partial<Upstream>, (port: number) => string]>([
    ["pass sends the client's", {}, () => "client.test:9080"],
    ["node sends the node's, with its port", { pass_host: "node" }, (port) => `127.0.0.1:${port}`],
    [
      "rewrite sends the upstream's",
      { pass_host: "rewrite", upstream_host: "up.test" },
      () => "up.test",
    ],
  ])("%s", async (_, upstream, expected) => {
    const { port, server } = await startNode("ok");
    const { send } = setUp({ nodes: { [`127.0.0.1:${port}`]: 1 }, ...upstream });
    await send();
    expect(server?.requests[0]?.headerLines).toEqual([`Host: ${expected(port)}`]);
  });

  test("node is set anew for every try", async () => {
    const started = await Promise.all(["reset", "ok"].map(startNode));
    const [a, b] = started.map(({ port }) => port);
    const nodes = [
      { host: "a.test", port: 81, weight: 1, priority: 1 },
      { host: "b.test", port: 80, weight: 1 },
    ];
    await hosts(
      { nodes, pass_host: "node" },
      { "a.test": `127.0.0.1:${a}`, "b.test": `127.0.0.1:${b}` },
    );
    expect(started.map(({ server }) => server?.requests[0]?.headerLines)).toEqual([
      ["Host: a.test:81"],
      ["Host: b.test"],
    ]);
  });
});

describe("names", () => {
  /** A resolver whose names are on loopback addresses; others do not exist. */
  const resolverOf = (names: Record<string, readonly string[]>) =>
    createResolver({
      lookup: async (name) => {
        const found = names[name];
        if (found === undefined) throw Object.assign(new Error("none"), { code: "ENOTFOUND" });
        return found;
      },
    });

  test("a node whose name does not resolve is passed over, and uses up no try", async () => {
    const { port } = await startNode("ok");
    const nodes = [
      { host: "gone.test", port: 80, weight: 1, priority: 1 },
      { host: "127.0.0.1", port, weight: 1 },
    ];
    const { send } = setUp({ nodes, retries: 0 }, { resolver: resolverOf({}) });
    expect(await send()).toEqual({ outcome: "200", failures: null });
  });

  test.each([
    ["one node", [{ host: "gone.test", port: 80, weight: 1 }]],
    [
      "every node",
      [
        { host: "gone.test", port: 80, weight: 1 },
        { host: "lost.test", port: 80, weight: 1 },
      ],
    ],
  ])("%s unresolved is unavailable", async (_, nodes) => {
    const { send } = setUp({ nodes }, { resolver: resolverOf({}) });
    expect(await send()).toEqual({ outcome: "UPSTREAM_UNRESOLVED", failures: null });
  });

  test("failed and unresolved nodes together are a bad gateway", async () => {
    const { port } = await startNode("refused");
    const nodes = [
      { host: "127.0.0.1", port, weight: 1, priority: 1 },
      { host: "gone.test", port: 80, weight: 1 },
    ];
    const { send } = setUp({ nodes }, { resolver: resolverOf({}) });
    expect(await send()).toEqual({ outcome: "UPSTREAM_NO_NODE", failures: [502] });
  });

  test("of several addresses each is used", async () => {
    const counts = [0, 0];
    const listen = (hostname: string, port: number, index: number): number => {
      const fetch = (): Response => {
        counts[index] = (counts[index] ?? 0) + 1;
        return new Response("ok");
      };
      const server = Bun.serve({ hostname, port, fetch });
      cleanups.push(() => server.stop(true));
      return server.port ?? 0;
    };
    const port = listen("127.0.0.2", 0, 0);
    listen("127.0.0.3", port, 1);
    const { send } = setUp(
      { nodes: { [`many.test:${port}`]: 1 } },
      { resolver: resolverOf({ "many.test": ["127.0.0.2", "127.0.0.3"] }), random: Math.random },
    );
    for (let i = 0; i < 40; i++) expect((await send()).outcome).toBe("200");
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });
});

describe("TLS", () => {
  const tlsServer = (options: object = {}) => {
    const server = startRawServer({
      onRequest: (_, peer) => peer.write(OK),
      tls: { cert: namedServer.certificate, key: namedServer.key, ...options },
    });
    cleanups.push(() => server.stop());
    return server;
  };
  const tls = { ca: authority.certificate };

  test("the Host's name is what the certificate must carry", async () => {
    const server = tlsServer();
    const upstream: Upstream = { scheme: "https", nodes: { [`127.0.0.1:${server.port}`]: 1 } };
    const { send } = setUp(upstream, { tls });
    expect((await send({ clientHost: "api.test:443" })).outcome).toBe("200");
    expect((await send({ clientHost: "other.test" })).outcome).toBe("UPSTREAM_TLS");
  });

  test("connections for one name are not used for another", async () => {
    const server = tlsServer();
    const upstream: Upstream = {
      scheme: "https",
      nodes: { [`127.0.0.1:${server.port}`]: 1 },
      tls: { verify: false },
    };
    const { send } = setUp(upstream);
    for (const clientHost of ["a.test", "a.test", "b.test"])
      expect((await send({ clientHost })).outcome).toBe("200");
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
  });

  test("a node with a bad certificate is passed over, also by POST", async () => {
    const [bad, good] = [tlsServer(), tlsServer()];
    const nodes = [
      { host: "wrong.test", port: bad.port, weight: 1, priority: 1 },
      { host: "api.test", port: good.port, weight: 1 },
    ];
    const resolver = createResolver({
      hosts: { "wrong.test": "127.0.0.1", "api.test": "127.0.0.1" },
    });
    const { send } = setUp({ scheme: "https", nodes, pass_host: "node" }, { tls, resolver });
    expect(await send(POST)).toEqual({ outcome: "200", failures: [502] });
    expect(bad.requests.length).toBe(0);
  });
});

describe("balancers hear of calls", () => {
  test("least_conn counts a reply that streams until it is read", async () => {
    const peers: RawPeer[] = [];
    const servers = [1, 2].map(() =>
      startRawServer({
        onRequest: (_, peer) => {
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
          peers.push(peer);
        },
      }),
    );
    for (const server of servers) cleanups.push(() => server.stop());
    const nodes = Object.fromEntries(servers.map(({ port }) => [`127.0.0.1:${port}`, 1]));
    const { plan, transport } = setUp({
      type: "least_conn",
      nodes,
      timeout: { connect: 9, send: 9, read: 9 },
    });
    const open = () => sendToUpstream(plan, requestOf({ buffered: false }), transport);
    const [first, second] = [await open(), await open()];
    expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1]);
    peers[0]?.write("lf");
    if (!(first?.body instanceof ReadableStream)) throw new Error("the body is not a stream");
    expect(await new Response(first.body).text()).toBe("half");
    for (let i = 0; i < 2; i++) {
      const { body } = await open();
      if (body instanceof ReadableStream) await body.cancel();
    }
    const [a, b] = servers.map(({ requests }) => requests.length);
    expect([a, b].sort()).toEqual([1, 3]);
    if (second?.body instanceof ReadableStream) await second.body.cancel();
  });

  test.each(["least_conn", "ewma"])("%s forgets nothing when calls fail", async (type) => {
    const started = await Promise.all(["refused", "reset", "hang", "ok"].map(startNode));
    const { plan, send } = setUp({
      type,
      nodes: Object.fromEntries(started.map(({ port }) => [`127.0.0.1:${port}`, 1])),
    });
    const { watcher } = plan.balancer;
    if (watcher === null) throw new Error("the balancer does not watch");
    let begun = 0;
    let ended = 0;
    const watched = {
      ...plan,
      balancer: {
        ...plan.balancer,
        watcher: {
          begun: (node: Parameters<typeof watcher.begun>[0]) => {
            begun += 1;
            watcher.begun(node);
          },
          answered: watcher.answered,
          ended: (node: Parameters<typeof watcher.ended>[0]) => {
            ended += 1;
            watcher.ended(node);
          },
        },
      },
    };
    const transport = createTransport();
    cleanups.push(() => transport.close());
    for (let i = 0; i < 12; i++) await sendToUpstream(watched, requestOf(), transport);
    expect((await send()).outcome).toBe("200");
    expect(begun).toBeGreaterThanOrEqual(12);
    expect(ended).toBe(begun);
  });
});

test("a key goes to one node, and to the next on the ring while that fails", async () => {
  const started = await Promise.all(["ok", "ok", "ok"].map(startNode));
  const nodes = Object.fromEntries(started.map(({ port }) => [`127.0.0.1:${port}`, 1]));
  const { send } = setUp({ type: "chash", key: "arg_user", nodes });
  const counts = () => started.map(({ server }) => server?.requests.length ?? 0);
  for (let i = 0; i < 5; i++) await send({ hashKey: "user-1" });
  const home = counts().indexOf(5);
  expect(home).toBeGreaterThanOrEqual(0);
  started[home]?.server?.stop();
  for (let i = 0; i < 5; i++) expect((await send({ hashKey: "user-1" })).outcome).toBe("200");
  expect(counts().filter((count) => count === 5).length).toBe(2);
});
