import { describe, expect, test } from "bun:test";
import { canonicalJson, checkChain, type StoredChain } from "@catena/ir";
import fc from "fast-check";
import * as checkout from "../../fixtures/checkout.ts";
import * as orderFlow from "../../fixtures/order-flow.ts";
import * as dsl from "../index.ts";
import { type CompiledResource, compile, decompile, type StoredResource } from "../index.ts";
import { ChainGenerator } from "../testbed/arbitrary-chain.ts";
import { evaluateConfig } from "../testbed/evaluate-config.ts";
import { typeCheck } from "../testbed/type-check.ts";
import { EXPORTED_NAMES } from "./exported-names.ts";

/** Decompiles, compiles what that gave, and asserts that it went through without findings. */
function roundTrip(resources: readonly StoredResource[]): readonly CompiledResource[] {
  const source = decompile(resources);
  const { value, issues } = compile(evaluateConfig(source));
  if (issues.length > 0) throw new Error(`${JSON.stringify(issues, null, 1)}\n${source}`);
  return value ?? [];
}

const chainRoute = (conf: object): StoredResource => ({
  kind: "routes",
  id: "r",
  value: { id: "r", uri: "/x/:id", plugins: { cors: { "a-b": 1 }, "proxy-chain": conf } },
});

const documents = (resources: readonly StoredResource[]) => resources.map(({ value }) => value);

describe("compile, decompile and compile again is the identity", () => {
  test("for generated chains of every step kind, policy and operator", () => {
    fc.assert(
      fc.property(fc.gen(), (draw) => {
        const chain: StoredChain = new ChainGenerator((make) => draw(make)).chain();
        expect(checkChain(chain).issues).toEqual([]);
        const first = roundTrip([chainRoute(chain)]);
        expect(canonicalJson(documents(first))).toBe(canonicalJson([chainRoute(chain).value]));
        // What compile gave comes back to the letter, and reads the same.
        expect(decompile(roundTrip(first))).toBe(decompile(first));
        expect(JSON.stringify(documents(roundTrip(first)))).toBe(JSON.stringify(documents(first)));
      }),
      { numRuns: 400, endOnFailure: true },
    );
  }, 60_000);

  test.each([
    ["a chain of the step form", orderFlow],
    ["a chain of the classic form", checkout],
  ])("for %s", (_name, config) => {
    const { value = [] } = compile(config);
    expect(JSON.stringify(documents(roundTrip(value)))).toBe(JSON.stringify(documents(value)));
  });
});

describe("what a config cannot be written with stays JSON", () => {
  const service = { uri: "http://a/x" };
  test.each([
    [
      "a chain that is switched off",
      { v: 1, steps: [{ name: "a", value: 1 }], reply: {}, _meta: { disable: true } },
    ],
    [
      "a forward to another upstream than the route's",
      { v: 1, steps: [{ name: "a", value: 1 }], forward: { upstream_id: "other" } },
    ],
    ["a newer version", { v: 2, whatever: true }],
    [
      "services of one name",
      {
        services: [
          { ...service, name: "a" },
          { ...service, name: "a" },
        ],
      },
    ],
    ["an unknown member of a service", { services: [{ ...service, later: 1 }] }],
    ["an unknown member of the chain", { services: [service], later: 1 }],
  ])("%s", (_name, conf) => {
    const source = decompile([chainRoute(conf)]);
    expect(source).toContain("= route(");
    expect(documents(roundTrip([chainRoute(conf)]))).toEqual([chainRoute(conf).value]);
  });

  test("services without a name get none", () => {
    const conf = {
      services: [
        service,
        { ...service, method: "GET", send_body: true },
        { ...service, name: "c" },
      ],
      token_header: "X-T",
      deadline: 5,
      error_bodies: "literal",
    };
    expect(decompile([chainRoute(conf)])).toContain('.step("_2"');
    expect(documents(roundTrip([chainRoute(conf)]))).toEqual([chainRoute(conf).value]);
  });
});

/** One of every kind, with fields that have types of their own. */
const stored: readonly StoredResource[] = [
  {
    kind: "upstreams",
    id: "orders-v1",
    value: {
      id: "orders-v1",
      type: "chash",
      hash_on: "vars",
      key: "uri",
      nodes: [{ host: "a.example", port: 80, weight: 0, priority: -1 }],
      checks: { active: { http_path: "/x", healthy: { interval: 1, successes: 1 } } },
      timeout: { connect: 1, send: 1, read: 1 },
      labels: { a: "b" },
      create_time: 1,
      update_time: 2,
    },
  },
  { kind: "services", id: "s", value: { id: "s", upstream_id: "orders-v1" } },
  { kind: "plugin_configs", id: "p", value: { id: "p", plugins: {} } },
  { kind: "consumer_groups", id: "g", value: { id: "g", plugins: {} } },
  { kind: "consumers", id: "jack", value: { username: "jack", group_id: "g" } },
  {
    kind: "credentials",
    id: "jack/credentials/main",
    value: { id: "main", plugins: { "key-auth": { key: "k" } } },
  },
  { kind: "global_rules", id: "1", value: { id: "1", plugins: {} } },
  { kind: "plugin_metadata", id: "cors", value: { id: "cors", allow_origins: {} } },
  { kind: "protos", id: "pb", value: { id: "pb", content: 'syntax = "proto3";' } },
  {
    kind: "secrets",
    id: "vault/1",
    value: { id: "1", uri: "http://v", prefix: "p", token: "t" },
  },
  {
    kind: "stream_routes",
    id: "tcp",
    value: { id: "tcp", server_port: 9, upstream_id: "orders-v1" },
  },
  {
    kind: "routes",
    id: "r",
    value: {
      id: "r",
      uris: ["/g", "/h/*"],
      hosts: ["a.example", "*.b.example"],
      methods: ["GET", "PURGE"],
      remote_addrs: ["127.0.0.1"],
      vars: [
        ["arg_x", "==", "1"],
        ["OR", ["http_a", "in", ["x"]], ["http_b", "!", "~~", "y"]],
      ],
      priority: -1,
      status: 0,
      timeout: { connect: 1, send: 1, read: 1 },
      enable_websocket: true,
      upstream: { nodes: { "a:1": 1 } },
      plugins: { "limit-count": { count: 1, time_window: 2 }, "of-others": { a: [{ b: null }] } },
    },
  },
  { kind: "routes", id: "chain", value: { id: "chain", uri: "/c", upstream_id: "orders-v1" } },
];

test("every kind of resource is written by its builder, without what the store adds", () => {
  const source = decompile(stored);
  expect(source).toContain('const ordersV1 = upstream("orders-v1", {');
  // The constant is not called chain, which may be imported.
  expect(source).toContain('const chain2 = route("chain", { uri: "/c", upstream_id: ordersV1 })');
  const byName = (some: readonly StoredResource[]) =>
    Object.fromEntries(some.map(({ kind, id, value }) => [`${kind}/${id}`, value]));
  const { create_time, update_time, ...upstream } = stored[0]?.value ?? {};
  expect(byName(roundTrip(stored))).toEqual({ ...byName(stored), "upstreams/orders-v1": upstream });
});

test("no constant takes a name of the package", () => {
  expect([...EXPORTED_NAMES].sort()).toEqual(Object.keys(dsl).sort());
});

test("what is written passes the type checker, generated chains too", async () => {
  const sources = fc
    .sample(fc.gen(), { numRuns: 25, seed: 7 })
    .map((draw) => decompile([chainRoute(new ChainGenerator((make) => draw(make)).chain())]));
  sources.push(decompile(compile(orderFlow).value ?? []), decompile(compile(checkout).value ?? []));
  sources.push(decompile(stored));
  expect((await typeCheck(sources)).errors).toEqual([]);
}, 120_000);
