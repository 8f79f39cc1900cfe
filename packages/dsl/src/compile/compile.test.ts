import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { formatIssue } from "@catena/errors";
import {
  chain,
  compile,
  consumer,
  credential,
  defineConfig,
  pluginConfig,
  route,
  service,
  sub,
  upstream,
} from "../index.ts";

const here = import.meta.path;
const orders = upstream("orders", { type: "roundrobin", nodes: { "orders:80": 1 } });

/** What a failing compile says, without this file's own path. */
function complaints(config: object, options: Parameters<typeof compile>[1] = {}): string[] {
  const { value, issues } = compile(config, options);
  expect(value).toBeUndefined();
  return issues.map((issue) =>
    formatIssue(issue)
      .replaceAll(here, "here.ts")
      .replace(/:\d+:\d+/g, ":L:C"),
  );
}

function names(config: object): string[] {
  const { value, issues } = compile(config);
  expect(issues).toEqual([]);
  return (value ?? []).map(({ kind, id }) => `${kind}/${id}`);
}

describe("what is exported becomes resources", () => {
  test("a module's named exports, with what they refer to, in the order to write them", () => {
    const secured = pluginConfig("secured", { plugins: { "key-auth": {} } });
    const api = service("api", { upstream_id: orders });
    const listOrders = route({ uri: "/orders", service_id: api, plugin_config_id: secured });
    const { value } = compile({ listOrders, helper: () => 1, limit: 3, list: [1, 2] });
    expect(value?.map(({ kind, id, value: document }) => [kind, id, document])).toEqual([
      ["upstreams", "orders", { id: "orders", type: "roundrobin", nodes: { "orders:80": 1 } }],
      ["plugin_configs", "secured", { id: "secured", plugins: { "key-auth": {} } }],
      ["services", "api", { id: "api", upstream_id: "orders" }],
      [
        "routes",
        "listOrders",
        { id: "listOrders", uri: "/orders", service_id: "api", plugin_config_id: "secured" },
      ],
    ]);
    expect(value?.at(-1)?.source).toMatchObject({ file: here });
  });

  const bare = () => route({ uri: "/a", upstream_id: "1" });
  test.each([
    ["a declaration", orders, ["upstreams/orders"]],
    [
      "a list",
      [orders, route("r", { uri: "/a", upstream_id: "1" })],
      ["upstreams/orders", "routes/r"],
    ],
    ["a default export", { default: [orders] }, ["upstreams/orders"]],
    ["several modules", [{ orders }, { a: bare() }], ["upstreams/orders", "routes/a"]],
    ["a list that is exported", { all: [orders] }, ["upstreams/orders"]],
    ["a record that is exported", { all: { a: bare() } }, ["routes/a"]],
    ["defineConfig by name", { default: defineConfig({ routes: { a: bare() } }) }, ["routes/a"]],
    [
      "defineConfig by list",
      { default: defineConfig({ upstreams: [orders] }) },
      ["upstreams/orders"],
    ],
    ["one resource exported twice", [{ orders }, { default: orders }], ["upstreams/orders"]],
    ["a name that no id may have", { $a: bare() }, ["routes/-a"]],
    [
      "a credential and its consumer",
      [credential(consumer("jack", {}), "main", { plugins: { "key-auth": { key: "k" } } })],
      ["consumers/jack", "credentials/jack/credentials/main"],
    ],
  ])("%s", (_name, config, expected) => {
    expect(names(config)).toEqual(expected);
  });

  test("a module namespace is read like any record of exports", async () => {
    const { value } = compile(await import("../../fixtures/checkout.ts"));
    expect(value?.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
      "upstreams/order-service",
      "routes/checkout",
    ]);
  });
});

describe("findings name file, line, resource and field", () => {
  test("an unknown field and a wrong type", () => {
    const fields = JSON.parse('{"uri": 1, "uptream_id": "a", "upstream_id": "1"}');
    expect(complaints({ a: route(fields) })).toEqual([
      'here.ts:L:C routes/a /uri: wrong type; expected string, found number 1 (write it in quotes: "1")',
      'here.ts:L:C routes/a /uptream_id: "uptream_id" is not a known field (did you mean "upstream"?)',
    ]);
  });

  test("the position is where the builder was called", () => {
    const { issues } = compile({
      a: route({ uri: "", upstream_id: "1" }),
    });
    const line = lineOf('a: route({ uri: ""');
    expect(issues[0]?.source).toEqual({ file: here, line, column: expect.any(Number) });
  });

  test("two resources of one id name both places", () => {
    const first = route("x", { uri: "/a", upstream_id: "1" });
    const second = route("x", { uri: "/b", upstream_id: "1" });
    const { issues } = compile([first, second]);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({
      code: "DSL_DUPLICATE_ID",
      message: `there is another route "x" at ${here}:${first.source?.line}:${first.source?.column}`,
      resource: "routes/x",
      source: second.source,
    });
  });

  test.each([
    [
      "two routes for the same requests",
      [
        route("a", { uri: "/x", methods: ["GET", "POST"], upstream_id: "1" }),
        route("b", { uris: ["/y", "/x"], methods: ["POST"], upstream_id: "1" }),
      ],
      "matches the same requests as routes/a at here.ts:L:C",
    ],
    [
      "a resource without an id",
      [route({ uri: "/x", upstream_id: "1" })],
      "this route has no id (export it by name",
    ],
    [
      "a resource with two names",
      (() => {
        const it = route({ uri: "/x", upstream_id: "1" });
        return { a: it, b: it };
      })(),
      "this route is exported as a and b (give it an id",
    ],
    [
      "a default export that is no resource",
      { default: 3 },
      "the default export is no resource; expected",
    ],
    [
      "a list with something else in it",
      { list: [orders, "orders"] },
      'the export "list"[1] is no resource',
    ],
    [
      "a chain without an end",
      { a: chain({ route: "/x" }) },
      'the export "a" is a chain without an end (end it with',
    ],
    [
      "a declaration where a document goes",
      // @ts-expect-error -- a declaration is no document
      { a: route("a", { uri: "/x", upstream: orders }) },
      "write upstream_id in place of upstream",
    ],
    [
      "a function",
      { a: route("a", { uri: "/x", plugins: { p: { f: () => 1 } } }) },
      "/plugins/p/f: a value of type function cannot be stored as JSON",
    ],
    [
      "a number JSON has no form for",
      { a: route("a", { uri: "/x", priority: Number.NaN, upstream_id: "1" }) },
      "/priority: NaN cannot be stored as JSON",
    ],
    ["an id that is none", { a: upstream("a/b", { nodes: {} }) }, "upstreams/a/b /id"],
  ])("%s", (_name, config, expected) => {
    expect(complaints(config).join("\n")).toContain(expected);
  });

  test("routes that differ in host, vars, priority or status are told apart", () => {
    const fields = { uri: "/x", upstream_id: "1" };
    expect(
      names([
        route("a", fields),
        route("b", { ...fields, host: "h" }),
        route("c", { ...fields, priority: 1 }),
        route("d", { ...fields, vars: [["arg_v", "==", "2"]] }),
        route("e", { ...fields, status: 0 }),
        route("f", { ...fields, methods: ["GET"] }),
      ]),
    ).toHaveLength(6);
  });

  test("chains that use each other without a condition", () => {
    const using = (id: string, other: string, when?: boolean) =>
      chain({ id, route: `/${id}` })
        .step("next", () => sub(other, undefined, when === undefined ? {} : { when }))
        .reply(($) => $.next);
    const more = { hint: "give the step that uses it a when, or put it into a branch" };
    expect(compile([using("ping", "pong"), using("pong", "ping")]).issues).toMatchObject([
      {
        ...more,
        resource: "routes/ping",
        path: "/plugins/proxy-chain/steps/0/sub/chain",
        message: 'running it would never end: "ping" uses "pong" uses "ping"',
        source: { file: here },
      },
      { ...more, resource: "routes/pong" },
    ]);
    expect(names([using("ping", "pong"), using("pong", "ping", true)])).toHaveLength(2);
  });

  test("a chain that another one uses and that does not reply", () => {
    const inner = chain({ id: "inner", route: "/i" })
      .step("a", { uri: "http://a/x" })
      .forward("orders");
    const outer = chain({ id: "outer", route: "/o" })
      .step("a", () => sub(inner, {}))
      .reply(($) => $.a);
    expect(compile([inner, outer]).issues).toMatchObject([
      {
        resource: "routes/outer",
        path: "/plugins/proxy-chain/steps/0",
        message: '"inner" cannot be used by another chain',
        hint: "end it with .reply(…)",
      },
    ]);
  });

  test("an own member named __proto__ arrives as data", () => {
    const plugins = JSON.parse('{"echo": {"__proto__": {"polluted": true}}}');
    const { value } = compile({ a: route("a", { uri: "/x", plugins }) });
    expect(JSON.stringify(value?.[0]?.value)).toContain('"__proto__":{"polluted":true}');
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

function lineOf(text: string): number {
  const lines = readFileSync(here, "utf8").split("\n");
  return lines.findIndex((line) => line.includes(text) && !line.includes("lineOf")) + 1;
}
