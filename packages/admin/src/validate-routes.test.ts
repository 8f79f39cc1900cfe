import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AdminBed, adminKey, startAdmin } from "./testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "./testbed/store-beds.ts";

const upstream = { nodes: { "127.0.0.1:80": 1 } };
const route = { id: "r", uri: "/a", upstream };
let bed: StoreBed;
let admin: AdminBed;

beforeAll(async () => {
  bed = await startSqlite();
  admin = startAdmin(bed.store);
});
afterAll(async () => {
  await admin?.stop();
  await bed?.stop();
});

/** 10 kB that come to 10^10 values when every alias is followed. */
const multiplied = ["a", "b", "c", "d", "e"]
  .map((name, n, names) => {
    const item = n === 0 ? "x" : `*${names[n - 1]}`;
    return `${name}: &${name} [${Array<string>(100).fill(item).join(", ")}]\n`;
  })
  .join("");

describe("a whole configuration", () => {
  const good: readonly (readonly [string, object])[] = [
    ["nothing", {}],
    ["empty lists, also written as objects", { routes: [], services: {} }],
    ["versions", { routes_conf_version: 1, routes: [] }],
    ["items with versions of their own", { routes: [{ ...route, modifiedIndex: 3 }] }],
    ["references to nothing", { routes: [{ id: "r", uri: "/a", upstream_id: "none" }] }],
    [
      "a consumer and its credentials",
      {
        consumers: [
          { username: "jack" },
          { id: "jack/credentials/c", plugins: { "key-auth": { key: "k" } } },
        ],
      },
    ],
    ["secrets", { secrets: [{ id: "vault/1", uri: "a", prefix: "b", token: "c" }] }],
    ["metadata of plugins", { plugin_metadata: [{ id: "http-logger", log_format: {} }] }],
    ["plugins that are there", { plugins: [{ name: "cors" }] }],
    ["members nobody knows", { comment: "x" }],
  ];
  test.each(good)("with %s is in order", async (_, config) => {
    const reply = await admin.call("POST", "/configs/validate", config);
    expect({ status: reply.status, body: reply.body }).toEqual({ status: 200, body: {} });
  });

  const bad: readonly (readonly [string, object, readonly object[]])[] = [
    [
      "several faults",
      {
        routes: [route, { id: "b", uri: 5 }, { id: "c", uri: "/c", plugins: { nope: {} } }],
        upstreams: [{ id: "u" }],
      },
      [
        {
          resource_type: "routes",
          resource_id: "b",
          index: 1,
          error:
            'invalid configuration: property "uri" validation failed: wrong type: expected string, got number',
        },
        { resource_type: "routes", resource_id: "c", index: 2, error: "unknown plugin [nope]" },
        {
          resource_type: "upstreams",
          resource_id: "u",
          index: 0,
          error: "invalid configuration: value should match only one schema, but matches none",
        },
      ],
    ],
    [
      "an id twice",
      { routes: [route, route] },
      [
        {
          resource_type: "routes",
          resource_id: "r",
          index: 1,
          error: "found duplicate id r in routes",
        },
      ],
    ],
    [
      "a username and a credential twice",
      {
        consumers: [
          { username: "jack" },
          { username: "jack" },
          { id: "jack/credentials/c", plugins: {} },
          { id: "jack/credentials/c", plugins: {} },
        ],
      },
      [
        {
          resource_type: "consumers",
          resource_id: "jack",
          index: 1,
          error: "found duplicate username jack in consumers",
        },
        {
          resource_type: "consumers",
          resource_id: "jack/credentials/c",
          index: 3,
          error: "found duplicate credential id jack/credentials/c in consumers",
        },
      ],
    ],
    [
      "secrets without a manager",
      { secrets: [{ id: "1" }, { id: "nope/1" }, {}] },
      [
        { resource_type: "secrets", resource_id: "1", index: 0, error: "invalid secret id: 1" },
        {
          resource_type: "secrets",
          resource_id: "nope/1",
          index: 1,
          error: "invalid secret manager: nope",
        },
        { resource_type: "secrets", index: 2, error: "invalid secret id: arr_3" },
      ],
    ],
    [
      "a version that is none",
      { routes_conf_version: "1" },
      [{ resource_type: "routes", error: "routes_conf_version must be a number, got string" }],
    ],
    [
      "a list that is none",
      { routes: { a: 1 } },
      [{ resource_type: "routes", error: "routes must be a list of resources" }],
    ],
    [
      "items that are no objects",
      { routes: ["x", null] },
      [
        {
          resource_type: "routes",
          index: 0,
          error: "invalid configuration: wrong type: expected object, got string",
        },
        {
          resource_type: "routes",
          index: 1,
          error: "invalid configuration: wrong type: expected object, got userdata",
        },
      ],
    ],
    [
      "metadata of nothing",
      { plugin_metadata: [{}, { id: "nope" }] },
      [
        { resource_type: "plugin_metadata", index: 0, error: "missing plugin name" },
        {
          resource_type: "plugin_metadata",
          resource_id: "nope",
          index: 1,
          error: "invalid plugin name",
        },
      ],
    ],
    [
      "plugins that are not there",
      { plugins: [{ name: "nope" }] },
      [{ resource_type: "plugins", index: 0, error: "unknown plugin [nope]" }],
    ],
  ];
  test.each(bad)("with %s is refused, with every finding", async (_, config, errors) => {
    const reply = await admin.call("POST", "/configs/validate", config);
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({
      error_msg: "Configuration validation failed",
      errors: [...errors],
    });
    expect((await bed.store.list("/")).entries).toEqual([]);
  });

  const unreadable: readonly (readonly [string, string, string, string])[] = [
    ["no body", "", "application/json", "empty request body"],
    ["broken JSON", "{", "application/json", "unexpected end of the text at line 1, column 2"],
    ["a list", "[]", "application/json", "expected an object whose members are lists of resources"],
    ["broken YAML", "routes: [", "application/yaml", "invalid yaml request body"],
    ["a YAML text", "routes", "application/yaml", "expected an object"],
    ["YAML whose aliases multiply it", multiplied, "application/yaml", "invalid yaml request body"],
    [
      "YAML of many values",
      `a: [${"x, ".repeat(500_000)}]`,
      "application/yaml",
      "yaml of more than 500000 values",
    ],
    [
      "deep YAML",
      `a: ${"[".repeat(100)}${"]".repeat(100)}`,
      "application/yaml",
      "nested deeper than 64 levels",
    ],
  ];
  test.each(unreadable)("as %s is refused", async (_, body, type, message) => {
    const headers = { "X-API-KEY": adminKey, "Content-Type": type };
    const reply = await admin.call("POST", "/configs/validate", body, headers);
    expect(reply.status).toBe(400);
    expect(Object(reply.body).error_msg).toStartWith("invalid request body: ");
    expect(Object(reply.body).error_msg).toContain(message);
  });

  test("may be YAML", async () => {
    const headers = { "X-API-KEY": adminKey, "Content-Type": "application/yaml; charset=utf-8" };
    const text = "routes:\n  - id: r\n    uri: 5\n";
    const reply = await admin.call("POST", "/configs/validate", text, headers);
    expect(Object(reply.body).errors).toHaveLength(1);
  });
});

describe("one document by its schema", () => {
  const cases: readonly (readonly [string, unknown, number, string | null])[] = [
    ["routes", route, 200, null],
    ["routes", { ...route, plugins: { nope: 5 }, service_id: "none" }, 200, null],
    ["consumers", { username: "a" }, 200, null],
    ["routes", undefined, 400, "wrong type: expected object, got nil"],
    [
      "routes",
      { uri: 5 },
      400,
      'property "uri" validation failed: wrong type: expected string, got number',
    ],
    ["ssls", {}, 400, "then clause did not match"],
    ["route", route, 404, "Unsupported resource type: route"],
    ["constructor", route, 404, "Unsupported resource type: constructor"],
  ];
  test.each(cases)("%s %j", async (kind, document, status, error_msg) => {
    const reply = await admin.call("POST", `/schema/validate/${kind}`, document);
    const body = error_msg === null ? "" : { error_msg };
    expect({ status: reply.status, body: reply.body }).toEqual({ status, body });
  });
});
