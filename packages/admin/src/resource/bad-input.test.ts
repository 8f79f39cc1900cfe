import { afterAll, beforeAll, expect, test } from "bun:test";
import type { StoreEntry } from "@catena/store";
import { type AdminBed, startAdmin } from "../testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "../testbed/store-beds.ts";

const nodes = { "127.0.0.1:80": 1 };
const upstream = { type: "roundrobin", nodes };
const route = { uri: "/a", upstream };
let bed: StoreBed;
let admin: AdminBed;
let before: readonly StoreEntry[];

beforeAll(async () => {
  bed = await startSqlite();
  admin = startAdmin(bed.store, { keyring: ["qeddd145sfvddff3"] });
  const stored: readonly (readonly [string, object])[] = [
    ["/routes/old", { ...route, desc: "old" }],
    ["/upstreams/u", upstream],
    ["/consumers/jack", { username: "jack", plugins: { "key-auth": { key: "jacks" } } }],
    ["/consumers/jack/credentials/c", { plugins: { "key-auth": { key: "credentials" } } }],
    ["/global_rules/g", { plugins: { cors: {} } }],
  ];
  for (const [path, document] of stored) {
    expect((await admin.call("PUT", path, document)).status).toBe(201);
  }
  before = (await bed.store.list("/")).entries;
});
afterAll(async () => {
  await admin?.stop();
  await bed?.stop();
});

/** Calls that must be refused, and APISIX's words for it. */
const cases: readonly (readonly [call: string, body: unknown, status: number, message: string])[] =
  [
    ["PUT /routes/1", undefined, 400, "missing configurations"],
    ["PUT /routes", route, 400, "missing route id"],
    ["PUT /routes/1", { ...route, id: "2" }, 400, "wrong route id"],
    ["PUT /routes/1", { ...route, id: null }, 400, "wrong route id"],
    ["POST /routes/1", route, 400, "wrong route id, do not need it"],
    ["POST /routes", { ...route, id: 1 }, 400, "wrong route id, do not need it"],
    ["PUT /routes/1", [1], 400, "invalid configuration: wrong type: expected object, got table"],
    ["PUT /routes/1", 5, 400, "invalid configuration: wrong type: expected object, got number"],
    ["PUT /routes/1", { ...route, create_time: 1 }, 400, "the property is forbidden:  create_time"],
    ["PUT /routes/1", { ...route, update_time: 1 }, 400, "the property is forbidden:  update_time"],
    ["POST /routes", { ...route, update_time: 1 }, 400, "the property is forbidden:  update_time"],
    [
      "PUT /routes/1",
      { uri: "/a", upstream: { ...upstream, create_time: 1 } },
      400,
      "the property is forbidden:  upstream.create_time",
    ],
    [
      "PUT /routes/1",
      { ...route, plugins: { create_time: 1 } },
      400,
      "the property is forbidden:  plugins.create_time",
    ],
    [
      "PUT /routes/1",
      { ...route, desc: null },
      400,
      'invalid configuration: property "desc" validation failed: wrong type: expected string, got userdata',
    ],
    [
      "PUT /routes/1",
      { ...route, service_id: "none" },
      400,
      "failed to fetch service info by service id [none], response code: 404",
    ],
    [
      "PUT /routes/1",
      { ...route, plugin_config_id: "none" },
      400,
      "failed to fetch plugin config info by plugin config id [none], response code: 404",
    ],
    [
      "PUT /services/1",
      { upstream_id: 7 },
      400,
      "failed to fetch upstream info by upstream id [7], response code: 404",
    ],
    [
      "PUT /upstreams/1",
      { nodes, tls: { client_cert_id: "1" } },
      400,
      "failed to fetch ssl info by ssl id [1], response code: 404",
    ],
    [
      "PUT /consumers",
      { username: "joe", group_id: "g" },
      400,
      "failed to fetch consumer group info by consumer group id [g], response code: 404",
    ],
    ["PUT /consumers/joe", { username: "jim" }, 400, "wrong username"],
    [
      "PUT /consumers/joe",
      { username: 5 },
      400,
      'invalid configuration: property "username" validation failed: wrong type: expected string, got number',
    ],
    [
      "PUT /consumers",
      { username: "joe", plugins: { "key-auth": { key: "jacks" } } },
      400,
      "duplicate key of plugin key-auth found with consumer: jack",
    ],
    [
      "PUT /consumers",
      { username: "joe", plugins: { "key-auth": { key: "credentials" } } },
      400,
      "duplicate key of plugin key-auth found with credential: c of consumer: jack",
    ],
    [
      "PUT /consumers/jack/credentials/d",
      { plugins: { "key-auth": { key: "jacks" } } },
      400,
      "duplicate key of plugin key-auth found with consumer: jack",
    ],
    ["PUT /consumers/jack/credentials", { plugins: {} }, 400, "missing credential id"],
    [
      "PUT /consumers/jack/credentials/a%20b",
      { plugins: {} },
      400,
      'invalid configuration: property "id" validation failed: object matches none of the required',
    ],
    ["PUT /consumers/nobody/credentials/c", { plugins: {} }, 404, "consumer not found"],
    ["PUT /consumers/a%20b/credentials/c", { plugins: {} }, 404, "consumer not found"],
    [
      "PUT /global_rules/h",
      { plugins: { cors: {} } },
      400,
      "plugin 'cors' already exists in global rule with id 'g'",
    ],
    ["PUT /global_rules", { plugins: {} }, 400, "missing global rule id"],
    ["PUT /plugin_metadata", {}, 400, "missing plugin name"],
    ["PUT /plugin_metadata/nope", {}, 400, "invalid plugin name"],
    ["PUT /secrets", {}, 400, "missing secret type"],
    ["PUT /secrets/nope/1", {}, 400, "invalid secret manager: nope"],
    ["PUT /secrets/vault", { uri: "a", prefix: "b", token: "c" }, 400, "missing secret id"],
    [
      "PUT /secrets/vault/a%20b",
      { uri: "a", prefix: "b", token: "c" },
      400,
      'invalid configuration: property "id" validation failed: object matches none of the required',
    ],
    [
      "PUT /secrets/vault/1",
      { id: "1", uri: "a", prefix: "b", token: "c" },
      400,
      "wrong secret id",
    ],
    ["PATCH /secrets/vault", {}, 400, "missing secret id"],
    ["PATCH /secrets", {}, 400, "missing secret type"],
    ["DELETE /secrets", undefined, 400, "missing secret type"],
    ["DELETE /secrets/vault", undefined, 400, "missing secret id"],
    [
      "PUT /stream_routes/1",
      { server_port: 1, upstream, protocol: { name: "redis", superior_id: "1" } },
      400,
      "stream route can not set itself as superior_id",
    ],
    [
      "PUT /stream_routes/1",
      { server_port: 1, upstream, protocol: { name: "redis", superior_id: "2" } },
      400,
      "failed to fetch stream routes[2], response code: 404",
    ],
    ["PATCH /routes", {}, 400, "missing route id"],
    ["PATCH /routes/old", undefined, 400, "missing new configuration"],
    ["PATCH /routes/old", "5", 400, "invalid configuration"],
    ["PATCH /routes/old", "null", 400, "invalid configuration"],
    ["PATCH /routes/old", { id: "other" }, 400, "wrong route id"],
    ["PATCH /routes/old/desc/a", "1", 400, "invalid sub-path: /desc"],
    [
      "PATCH /routes/old/desc",
      "null",
      400,
      'invalid configuration: property "desc" validation failed: wrong type: expected string, got userdata',
    ],
    [
      "PATCH /routes/old",
      { upstream_id: "none" },
      400,
      "failed to fetch upstream info by upstream id [none], response code: 404",
    ],
    ["DELETE /routes", undefined, 400, "missing route id"],
    ["DELETE /consumers", undefined, 400, "missing consumer id"],
    ["PUT /routes/1?ttl=abc", route, 400, "invalid argument ttl: should be a number"],
    ["PUT /routes/1?ttl=", route, 400, "invalid argument ttl: should be a number"],
    ["GET /routes?ttl=abc", undefined, 400, "invalid argument ttl: should be a number"],
    [
      "PUT /routes/1?ttl=0",
      route,
      400,
      "invalid argument ttl: should be a whole number of seconds from 1",
    ],
    [
      "PUT /routes/1?ttl=1.5",
      route,
      400,
      "invalid argument ttl: should be a whole number of seconds from 1",
    ],
    [
      "PUT /routes/1?ttl=-1",
      route,
      400,
      "invalid argument ttl: should be a whole number of seconds from 1",
    ],
    [
      "GET /routes?name=(",
      undefined,
      400,
      'invalid argument name: regular expression "(" can\'t be used: missing closing ): `(`',
    ],
    ["POST /consumers", {}, 405, "not supported `POST` method for consumer"],
    ["POST /consumers/jack/credentials", {}, 405, "not supported `POST` method for credential"],
    ["POST /secrets/vault", {}, 405, "not supported `POST` method for secret"],
    ["PATCH /plugin_metadata/cors", {}, 405, "not supported `PATCH` method for plugin_metadata"],
    ["PATCH /protos/1", {}, 405, "not supported `PATCH` method for proto"],
  ];

test.each(cases)("%s %j is refused", async (call, body, status, error_msg) => {
  const [method = "", path = ""] = call.split(" ");
  const reply = await admin.call(method, path, body);
  expect({ status: reply.status, body: reply.body }).toEqual({ status, body: { error_msg } });
  expect((await bed.store.list("/")).entries).toEqual([...before]);
});

test("a page size out of range is told in plain text", async () => {
  for (const size of [9, 501, 0, -1]) {
    const reply = await admin.call("GET", `/routes?page=1&page_size=${size}`);
    expect(reply.status).toBe(400);
    expect(reply.body).toBe("page_size must be between 10 and 500");
  }
});

test("what was there before is there still", async () => {
  for (const path of ["/routes/1", "/consumers/joe", "/global_rules/h", "/secrets/vault/1"]) {
    expect((await admin.call("GET", path)).status).toBe(404);
  }
});
