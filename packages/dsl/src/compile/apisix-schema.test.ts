import { expect, test } from "bun:test";
import { isIPv4, isIPv6 } from "node:net";
import { kinds } from "@catena/schema";
import apisixSchemas from "@catena/schema/fixtures/apisix-main-schema.json" with { type: "json" };
import Ajv from "ajv";
import { checkout } from "../../fixtures/checkout.ts";
import { registry } from "../../fixtures/registry.ts";
import {
  compile,
  consumer,
  consumerGroup,
  globalRule,
  pluginConfig,
  proto,
  route,
  service,
  streamRoute,
  upstream,
} from "../index.ts";

const ajv = new Ajv({ strict: false, unicodeRegExp: false });
ajv.addFormat("ipv4", isIPv4);
ajv.addFormat("ipv6", (text: string) => isIPv6(text) && !text.includes("%"));

const nodes = upstream("orders", {
  type: "chash",
  key: "remote_addr",
  nodes: [{ host: "10.0.0.1", port: 80, weight: 1 }],
  timeout: { connect: 1, send: 1, read: 2.5 },
  labels: { team: "shop" },
});
const shop = service("shop", { hosts: ["shop.example"], upstream_id: nodes });
const partners = consumerGroup("partners", { plugins: { "limit-count": { count: 1 } } });

const resources = compile([
  { checkout },
  route("by-service", { uris: ["/a", "/b/*"], methods: ["GET"], service_id: shop, priority: 2 }),
  route("by-nodes", {
    uri: "/c",
    upstream: { nodes: { "10.0.0.1:80": 1 } },
    vars: [["arg_v", "==", "1"]],
    plugin_config_id: pluginConfig("secured", { plugins: { "key-auth": {} } }),
  }),
  consumer("jack", { group_id: partners, plugins: { "key-auth": { key: "k" } } }),
  globalRule("1", { plugins: { prometheus: {} } }),
  proto("p", { content: 'syntax = "proto3";' }),
  streamRoute("tcp", { server_port: 9100, upstream_id: nodes }),
]).value;

test("everything the builders declare is compiled", () => {
  expect(resources).toHaveLength(12);
});

test.each(resources ?? [])("APISIX's own schema takes $kind/$id", ({ kind, value }) => {
  const schema: unknown = Reflect.get(apisixSchemas, kinds[kind].schemaName);
  // The fixture is JSON Schema throughout.
  const validate = ajv.compile(schema as object);
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
});

test("the chain's resources pass with the plugin's own rules", () => {
  expect(compile({ checkout }, { registry, target: "apisix" }).issues).toEqual([]);
});
