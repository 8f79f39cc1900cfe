import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type PluginLog,
  type PluginServices,
  type TargetResolver,
  targetBySending,
} from "@catena/pipeline";
import { createPluginRegistry, referencesOf } from "@catena/schema";
import { createWireTransport, type Origin } from "@catena/upstream";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { proxyChain } from "./proxy-chain.ts";

const seen: string[] = [];
const service = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const { pathname } = new URL(request.url);
    const told = request.headers.get("x-told") ?? "";
    seen.push(`${request.method} ${pathname} ${await request.text()}${told}`);
    return pathname === "/fails"
      ? new Response("secret", { status: 500 })
      : Response.json({ id: pathname.slice(1), big: 1 });
  },
});
const transport = createWireTransport();
afterAll(async () => {
  await transport.close();
  await service.stop(true);
});

const origin: Origin = {
  key: service.url.origin,
  scheme: "http",
  address: "127.0.0.1",
  port: Number(service.port),
  keepalive: { size: 4, idleMs: 10_000, requests: 100 },
};
const target = targetBySending((call) =>
  transport.send({
    ...call,
    origin,
    headers: ["Host", "svc", ...call.headers],
    timeouts: { connectMs: 5000, sendMs: 5000, readMs: 5000 },
  }),
);
const targets: TargetResolver = {
  upstream: (id) => (id === "svc" ? target : null),
  uri: () => null,
};
const logged: [string, unknown][] = [];
const log: PluginLog = {
  warn: (message, fields) => void logged.push([message, fields]),
  error: (message, fields) => void logged.push([message, fields]),
};
const kept = new Map<string, string>();
const services: Partial<PluginServices> = {
  targets,
  log,
  records: {
    put: async (key, value) => void kept.set(key, value),
    remove: async (key) => void kept.delete(key),
  },
};
beforeEach(() => {
  seen.length = 0;
  logged.length = 0;
  kept.clear();
});

const call = (method: string, path: string, rest: object = {}): object => ({
  upstream_id: "svc",
  method,
  path,
  ...rest,
});
const bed = (conf: object, options: object = {}): PluginBed =>
  new PluginBed([[proxyChain, { ...conf }]], { services, ...options });
const post = { method: "POST", body: '{"own":1}', headers: { "content-type": "application/json" } };

describe("configuration", () => {
  const rows: [conf: object, issues: string[]][] = [
    [{ services: [{ uri: "http://a/b" }] }, []],
    [{ services: [{ uri: "b" }] }, ["/services/0/uri CHAIN_URI"]],
    [{ services: [] }, ["/services SCHEMA_SIZE"]],
    [{}, [" SCHEMA_MISSING"]],
    [{ v: 1, steps: [{ name: "a", value: 1 }], reply: {} }, []],
    [{ v: 1, steps: [{ name: "a", value: 1 }], reply: {}, _meta: { disable: false } }, []],
    [{ v: 1, steps: [{ name: "a" }], reply: {} }, ["/steps/0 CHAIN_STEP_KIND"]],
    [
      { v: 1, steps: [{ name: "a", value: { $ref: ["b"] } }], reply: {} },
      ["/steps/0/value CHAIN_REFERENCE"],
    ],
    [{ v: 2, steps: [], reply: {} }, ["/v CHAIN_VERSION"]],
    [
      { v: 1, steps: [{ name: "a", value: 1 }], reply: {}, services: [{ uri: "http://a/" }] },
      ["/services CHAIN_KEY_UNKNOWN"],
    ],
  ];
  test.each(rows)("%j", (conf, issues) => {
    expect(problemsOf(proxyChain, { ...conf }).map(({ path, code }) => `${path} ${code}`)).toEqual(
      issues,
    );
  });

  test("upstreams and chains that are used are references of the route", () => {
    const conf = {
      v: 1,
      steps: [
        {
          name: "a",
          call: call("GET", "/a"),
          undo: { call: { ...call("GET", "/u"), upstream_id: "u" } },
        },
        { name: "b", each: { in: [], do: { call: { ...call("GET", "/b"), upstream_id: "e" } } } },
        {
          name: "c",
          choose: {
            branches: [{ when: true, sub: { chain: "other" } }],
            otherwise: { call: { ...call("GET", "/c"), upstream_id: "o" } },
          },
        },
      ],
      forward: { upstream_id: "f" },
    };
    const registry = createPluginRegistry([proxyChain.schema]);
    const of = (chain: object): string[] =>
      referencesOf("routes", { plugins: { "proxy-chain": chain } }, { registry }).map(
        ({ kind, id, path }) => `${path} ${kind}/${id}`,
      );
    expect(of(conf)).toEqual([
      "/plugins/proxy-chain/steps/0/call/upstream_id upstreams/svc",
      "/plugins/proxy-chain/steps/0/undo/call/upstream_id upstreams/u",
      "/plugins/proxy-chain/steps/1/each/do/call/upstream_id upstreams/e",
      "/plugins/proxy-chain/steps/2/choose/branches/0/sub/chain routes/other",
      "/plugins/proxy-chain/steps/2/choose/otherwise/call/upstream_id upstreams/o",
      "/plugins/proxy-chain/forward/upstream_id upstreams/f",
    ]);
    expect(of({ services: [{ uri: "http://a/", upstream_id: 7 }, null] })).toEqual([
      "/plugins/proxy-chain/services/0/upstream_id upstreams/7",
    ]);
    expect(of({ steps: [null] })).toEqual([]);
  });

  test("a chain that cannot run is refused when its handlers are made", () => {
    const conf = {
      v: 1,
      steps: [{ name: "a", call: { ...call("GET", "/"), upstream_id: "x" } }],
      reply: {},
    };
    expect(() => bed(conf)).toThrow('/steps/0/call/upstream_id: there is no upstream "x"');
    const undoing = {
      v: 1,
      steps: [{ name: "a", call: call("POST", "/a"), undo: { call: call("POST", "/u") } }],
      reply: {},
    };
    expect(() => bed(undoing, { services: { targets } })).toThrow("no store to record it in");
  });
});

describe("a step chain as a plugin", () => {
  test("answers the client", async () => {
    const conf = {
      v: 1,
      steps: [{ name: "a", call: call("GET", "/thing") }],
      reply: {
        status: 201,
        headers: { "x-id": { $ref: ["a", "id"] } },
        body: { a: { $ref: ["a", "id"] } },
      },
    };
    const { status, headers, body, upstream } = await bed(conf).ask(post);
    expect([status, headers["x-id"], body, upstream]).toEqual([
      201,
      "thing",
      '{"a":"thing"}',
      null,
    ]);
  });

  test("a failure is a problem for the client and a line in the log", async () => {
    const conf = { v: 1, id: "c", steps: [{ name: "a", call: call("GET", "/fails") }], reply: {} };
    const { status, headers, body, ctx } = await bed(conf).ask(post);
    expect([status, headers["content-type"]]).toEqual([502, "application/problem+json"]);
    expect(JSON.parse(body)).toMatchObject({ chain: "c", step: "a", request_id: ctx.id });
    expect(logged).toMatchObject([
      ["chain failed", { code: "CHAIN_STEP_STATUS", request: ctx.id }],
    ]);
    expect(JSON.stringify([body, logged])).not.toContain("secret");
  });

  test("sends the request on with what the steps gave", async () => {
    const conf = {
      v: 1,
      steps: [{ name: "a", call: call("GET", "/thing") }],
      forward: { headers: { "x-id": { $ref: ["a", "id"] } } },
    };
    const { status, upstream, ctx } = await bed(conf).ask(post);
    expect(status).toBe(200);
    expect(upstream?.headers["x-id"]).toBe("thing");
    expect(ctx.upstreamBody).toBe('{"own":1,"id":"thing","big":1}');
    expect(ctx.deadlineAt).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test("sends the request to another upstream than the route's", async () => {
    const conf = {
      v: 1,
      steps: [{ name: "a", value: { told: "x" } }],
      forward: { upstream_id: "svc", headers: { "x-told": "!" }, body: { $ref: ["a"] } },
    };
    const { status, upstream } = await bed(conf).ask({ ...post, target: "/elsewhere" });
    expect([status, upstream]).toEqual([200, null]);
    expect(seen).toEqual(['POST /elsewhere {"told":"x"}!']);
  });

  const undoing = {
    v: 1,
    steps: [
      {
        name: "a",
        call: call("POST", "/a"),
        undo: { call: call("POST", "/undo/{id}", { params: { id: { $ref: ["a", "id"] } } }) },
      },
    ],
    forward: {},
  };
  test.each([
    [200, ["POST /a "]],
    [409, ["POST /a ", "POST /undo/a "]],
  ])("an upstream that answers %d leaves these calls", async (status, calls) => {
    const upstream = () => ({ status, headers: [], body: null, source: "upstream" as const });
    await bed(undoing, { upstream }).ask(post);
    while (kept.size > 0) await Bun.sleep(1);
    expect(seen).toEqual(calls);
  });

  test("another chain of the configuration can be a step", async () => {
    const chain = (id: string): object | null =>
      id === "inner"
        ? {
            v: 1,
            steps: [{ name: "x", value: { got: { $ref: ["input", "body", "n"] } } }],
            reply: { body: { $ref: ["x"] } },
          }
        : null;
    const conf = {
      v: 1,
      steps: [{ name: "in", sub: { chain: "inner", body: { n: 7 } } }],
      reply: { body: { $ref: ["in", "got"] } },
    };
    expect((await bed(conf, { services: { ...services, chain } }).ask(post)).body).toBe("7");
    expect(() => bed({ ...conf, steps: [{ name: "in", sub: { chain: "no" } }] })).toThrow(
      '/steps/0/sub/chain: there is no chain "no"',
    );
  });
});

test("a classic chain runs as before", async () => {
  const conf = { services: [{ uri: "http://svc/one", method: "GET", upstream_id: "svc" }] };
  const { ctx } = await bed(conf).ask(post);
  expect(ctx.upstreamBody).toBe('{"own":1,"id":"one","big":1}');
});
