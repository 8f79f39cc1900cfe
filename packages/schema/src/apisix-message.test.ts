import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import {
  apisixMessage,
  apisixSchemaMessage,
  type ClassicChain,
  checkClassicChain,
  classicChainSchema,
  createPluginRegistry,
  type Kind,
  literals,
} from "./index.ts";

const registry = createPluginRegistry([
  {
    name: "key-auth",
    priority: 2500,
    type: "auth",
    schema: Type.Object({ header: Type.Optional(Type.String()) }),
    consumerSchema: Type.Object({ key: Type.String() }),
  },
  { name: "cors", priority: 4000, schema: Type.Object({}) },
  {
    name: "proxy-rewrite",
    priority: 1008,
    schema: Type.Object(
      { uri: Type.Optional(Type.String({ minLength: 1 })) },
      { minProperties: 1 },
    ),
  },
  {
    name: "http-logger",
    priority: 410,
    schema: Type.Object({ uri: Type.String() }),
    metadataSchema: Type.Object({ log_format: Type.Optional(Type.Object({})) }),
  },
  {
    name: "proxy-chain",
    priority: 1000,
    schema: classicChainSchema,
    // The schema has accepted the configuration before this is called.
    check: (conf) => checkClassicChain(conf as unknown as ClassicChain),
  },
  { name: "mode", priority: 1, schema: Type.Object({ mode: literals(["a", "b"]) }) },
]);

const checkExpression = (vars: readonly unknown[]) =>
  JSON.stringify(vars).includes("??") ? "invalid operator '??'" : null;

const upstream = { type: "roundrobin", nodes: { "127.0.0.1:19802": 1 } };
const cert = `-----BEGIN CERTIFICATE-----${"a".repeat(128)}`;

/** Documents and APISIX 3.18's words for them, from calls to its Admin API and its own tests. */
const cases: readonly (readonly [kind: Kind, document: unknown, message: string | null])[] = [
  ["routes", { uri: "/x", upstream }, null],
  [
    "routes",
    { id: "bad id", uri: "/x", upstream },
    'invalid configuration: property "id" validation failed: object matches none of the required',
  ],
  [
    "routes",
    [],
    "invalid configuration: allOf 1 failed: value should match only one schema, but matches none",
  ],
  [
    "routes",
    { upstream },
    "invalid configuration: allOf 1 failed: value should match only one schema, but matches none",
  ],
  [
    "routes",
    { uri: "/x" },
    'invalid configuration: object matches none of the required: ["plugins","uri"] or ["upstream","uri"] or ["upstream_id","uri"] or ["service_id","uri"] or ["plugins","uris"] or ["upstream","uris"] or ["upstream_id","uris"] or ["service_id","uris"] or ["script","uri"] or ["script","uris"]',
  ],
  [
    "routes",
    { uri: 5, upstream },
    'invalid configuration: property "uri" validation failed: wrong type: expected string, got number',
  ],
  [
    "routes",
    { uri: null, upstream },
    'invalid configuration: property "uri" validation failed: wrong type: expected string, got userdata',
  ],
  [
    "routes",
    { uri: "/x", nope: 1, upstream },
    "invalid configuration: additional properties forbidden, found nope",
  ],
  [
    "routes",
    { uri: "/x", uris: ["/y"], upstream },
    "invalid configuration: allOf 1 failed: value should match only one schema, but matches both schemas 1 and 2",
  ],
  ["routes", { uri: "x", upstream }, null],
  [
    "routes",
    { uri: "/x", host: "a.com", hosts: ["b.com"], upstream },
    "only one of host or hosts is allowed",
  ],
  [
    "routes",
    { uri: "/x", remote_addr: "::1", remote_addrs: ["::1"], upstream },
    "only one of remote_addr or remote_addrs is allowed",
  ],
  [
    "routes",
    { uri: "/x", methods: ["FOO"], upstream },
    'invalid configuration: property "methods" validation failed: failed to validate item 1: matches none of the enum values',
  ],
  ["routes", { uri: "/x", methods: [], upstream }, null],
  [
    "routes",
    { uri: "/x", methods: ["GET", "GET"], upstream },
    'invalid configuration: property "methods" validation failed: expected unique items but items 1 and 2 are equal',
  ],
  [
    "routes",
    { uri: "/x", uris: [], upstream },
    'invalid configuration: property "uris" validation failed: expect array to have at least 1 items',
  ],
  ["routes", { uri: "/x", plugins: { nope: {} }, upstream }, "unknown plugin [nope]"],
  [
    "routes",
    { uri: "/x", plugins: { cors: 5 }, upstream },
    "invalid plugin conf 5 for plugin [cors]",
  ],
  ["routes", { uri: "/x", plugins: [], upstream }, null],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-rewrite": { uri: 5 } }, upstream },
    'failed to check the configuration of plugin proxy-rewrite err: property "uri" validation failed: wrong type: expected string, got number',
  ],
  ["routes", { uri: "/x", plugins: { "proxy-rewrite": { nope: 5 } }, upstream }, null],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-rewrite": { uri: 5, _meta: { disable: true } } }, upstream },
    null,
  ],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-rewrite": { uri: "" } }, upstream },
    'failed to check the configuration of plugin proxy-rewrite err: property "uri" validation failed: string too short, expected at least 1, got 0',
  ],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-rewrite": {} }, upstream },
    "failed to check the configuration of plugin proxy-rewrite err: expect object to have at least 1 properties",
  ],
  [
    "routes",
    { uri: "/x", plugins: { mode: { mode: "c" } }, upstream },
    'failed to check the configuration of plugin mode err: property "mode" validation failed: matches none of the enum values',
  ],
  [
    "routes",
    { uri: "/x", plugins: { cors: { _meta: { filter: [["a", "??", "b"]] } } }, upstream },
    "failed to validate the 'vars' expression: invalid operator '??'",
  ],
  [
    "routes",
    { uri: "/x", plugins: { cors: { _meta: { disable: "yes" } } }, upstream },
    'failed to check the configuration of plugin cors err: property "_meta" validation failed: property "disable" validation failed: wrong type: expected boolean, got string',
  ],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-chain": { services: [] } }, upstream },
    'failed to check the configuration of plugin proxy-chain err: property "services" validation failed: expect array to have at least 1 items',
  ],
  [
    "routes",
    {
      uri: "/x",
      plugins: { "proxy-chain": { services: [{ uri: "http://a/b", method: "PATCH" }] } },
      upstream,
    },
    'failed to check the configuration of plugin proxy-chain err: property "services" validation failed: failed to validate item 1: property "method" validation failed: matches none of the enum values',
  ],
  [
    "routes",
    { uri: "/x", plugins: { "proxy-chain": { services: [{ uri: "not a url" }] } }, upstream },
    "failed to check the configuration of plugin proxy-chain err: service uri holds blanks or control characters",
  ],
  ["routes", { uri: "/x", upstream: { type: "nope", nodes: {} } }, null],
  [
    "routes",
    { uri: "/x", upstream: { type: "chash", nodes: { "127.0.0.1:1": 1 } } },
    "missing key",
  ],
  ["routes", { uri: "/x", upstream: { nodes: [{ host: "127.0.0.1", weight: 1 }] } }, null],
  [
    "routes",
    { uri: "/x", upstream: { type: "roundrobin" } },
    'invalid configuration: property "upstream" validation failed: value should match only one schema, but matches none',
  ],
  [
    "routes",
    { uri: "/x", upstream: { nodes: { "a:1": null } } },
    'invalid configuration: property "upstream" validation failed: property "nodes" validation failed: object matches none of the required',
  ],
  [
    "routes",
    { uri: "/x", vars: [["arg_x", "??", "1"]], upstream },
    "failed to validate the 'vars' expression: invalid operator '??'",
  ],
  [
    "routes",
    { uri: "/x", filter_func: "function(", upstream },
    'invalid configuration: property "filter_func" validation failed: string too short, expected at least 10, got 9',
  ],
  [
    "routes",
    { uri: "/x", filter_func: "function(vars) return true end", upstream },
    "failed to load 'filter_func' string: Lua code cannot run here",
  ],
  [
    "routes",
    { uri: "/x", script: "local _M={} return _M", plugins: { cors: {} }, upstream },
    "invalid configuration: value wasn't supposed to match schema",
  ],
  [
    "routes",
    { uri: "/x", timeout: { connect: 1 }, upstream },
    'invalid configuration: property "timeout" validation failed: property "read" is required',
  ],
  [
    "routes",
    { uri: "/x", timeout: { connect: 0, read: 1, send: 1 }, upstream },
    'invalid configuration: property "timeout" validation failed: property "connect" validation failed: expected 0 to be greater than 0',
  ],
  [
    "routes",
    { uri: "/x", remote_addr: "999.1.1.1", upstream },
    'invalid configuration: property "remote_addr" validation failed: object matches none of the required',
  ],
  [
    "routes",
    { uri: "/x", desc: "x".repeat(300), upstream },
    'invalid configuration: property "desc" validation failed: string too long, expected at most 256, got 300',
  ],
  ["routes", { uri: "/x", desc: "😀".repeat(256), upstream }, null],
  [
    "routes",
    { uri: "/x", name: "x".repeat(257), upstream },
    'invalid configuration: property "name" validation failed: string too long, expected at most 256, got 257',
  ],
  [
    "routes",
    { uri: "/x", labels: { env: {} }, upstream },
    'invalid configuration: property "labels" validation failed: failed to validate env (matching ".*"): wrong type: expected string, got table',
  ],
  [
    "upstreams",
    { nodes: {}, pass_host: "rewrite" },
    "`upstream_host` can't be empty when `pass_host` is `rewrite`",
  ],
  [
    "upstreams",
    { nodes: { "127.0.0.1:19802": -1 } },
    'invalid configuration: property "nodes" validation failed: object matches none of the required',
  ],
  ["upstreams", { nodes: [] }, null],
  ["upstreams", { nodes: { "[::1]:65536": 1 } }, "invalid port 65536"],
  [
    "upstreams",
    { nodes: [{ host: "::1", port: 80, weight: 1 }] },
    "invalid configuration: IPv6 address must be enclosed with '[' and ']'",
  ],
  [
    "upstreams",
    { nodes: {}, type: "chash", key: "not_support" },
    'invalid configuration: failed to match pattern "^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host|hostname|mqtt_client_id)|arg_[0-9a-zA-z_-]+)$" with "not_support"',
  ],
  ["upstreams", { nodes: {}, type: "chash", hash_on: "consumer" }, null],
  [
    "upstreams",
    { nodes: {}, checks: { passive: {} } },
    'invalid configuration: property "checks" validation failed: object matches none of the required: ["active"] or ["active","passive"]',
  ],
  [
    "upstreams",
    { nodes: {}, tls: { client_cert: cert } },
    'invalid configuration: property "tls" validation failed: failed to validate dependent schema for "client_cert": property "client_key" is required',
  ],
  ["upstreams", { service_name: "x", discovery_type: "nope" }, null],
  ["services", {}, null],
  ["services", { nope: 1 }, "invalid configuration: additional properties forbidden, found nope"],
  ["consumers", { plugins: {} }, 'invalid configuration: property "username" is required'],
  [
    "consumers",
    { username: "bad name", plugins: {} },
    'invalid configuration: property "username" validation failed: failed to match pattern "^[a-zA-Z0-9_\\\\-]+$" with "bad name"',
  ],
  [
    "consumers",
    { username: "a", plugins: { "key-auth": {} } },
    'invalid plugins configuration: failed to check the configuration of plugin key-auth err: property "key" is required',
  ],
  [
    "consumers",
    { username: "a", plugins: { nope: {} } },
    "invalid plugins configuration: unknown plugin [nope]",
  ],
  ["consumers", { username: "a", plugins: { "key-auth": { key: "$secret://vault/1/a" } } }, null],
  [
    "credentials",
    { plugins: { cors: {} } },
    "only supports auth type plugins in consumer credential",
  ],
  [
    "credentials",
    { plugins: { "key-auth": { key: "a" }, cors: {} } },
    'invalid configuration: property "plugins" validation failed: expect object to have at most 1 properties',
  ],
  ["plugin_configs", { id: "1" }, 'invalid configuration: property "plugins" is required'],
  ["ssls", { cert, snis: ["test.com"] }, "invalid configuration: then clause did not match"],
  [
    "ssls",
    { cert: "x", key: "y", snis: ["test.com"] },
    'invalid configuration: property "cert" validation failed: string too short, expected at least 128, got 1',
  ],
  ["ssls", { cert: "$secret://vault/1/c", key: "$ENV://KEY", sni: "test.com" }, null],
  ["ssls", { type: "client", cert }, "invalid configuration: else clause did not match"],
  [
    "plugin_metadata",
    { log_format: 5 },
    'invalid configuration: property "log_format" validation failed: wrong type: expected object, got number',
  ],
  [
    "secrets",
    { uri: "http://127.0.0.1:8200" },
    'invalid configuration: property "token" is required',
  ],
  ["protos", {}, 'invalid configuration: property "content" is required'],
];

const ids: Partial<Record<Kind, string>> = { plugin_metadata: "http-logger", secrets: "vault/v2" };

describe("apisixMessage", () => {
  test.each(cases)("%s %j", (kind, document, message) => {
    const id = ids[kind];
    const options = { registry, checkExpression, ...(id === undefined ? {} : { id }) };
    expect(apisixMessage(kind, document, options)).toBe(message);
  });

  test("knows only registered plugins in metadata", () => {
    expect(apisixMessage("plugin_metadata", { a: 1 }, { registry, id: "nope" })).toBe(
      "invalid plugin name",
    );
    expect(apisixMessage("plugin_metadata", { a: 1 }, { registry, id: "cors" })).toBeNull();
  });
});

test("apisixSchemaMessage leaves out the words in front and looks at nothing but the schema", () => {
  expect(apisixSchemaMessage("routes", { uri: 5 })).toBe(
    'property "uri" validation failed: wrong type: expected string, got number',
  );
  expect(apisixSchemaMessage("routes", { uri: "/x", plugins: { nope: {} } })).toBeNull();
});
