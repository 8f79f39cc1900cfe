import type { JsonObject, Kind } from "@catena/schema";

const nodes = { "127.0.0.1:80": 1 };
const told = { name: "n", desc: "d", labels: { a: "b" } };
const timeout = { connect: 1, send: 1, read: 1 };
const plugins = { "proxy-rewrite": { uri: "/x" } };

/**
 * Documents that together have every top-level field that is not refused, and that the gateway takes.
 * Some fields exclude one another, hence several.
 */
export const accepted: Readonly<Partial<Record<Kind, readonly JsonObject[]>>> = {
  upstreams: [
    {
      ...told,
      type: "chash",
      hash_on: "header",
      key: "x-user",
      nodes,
      retries: 1,
      retry_timeout: 1,
      timeout,
      scheme: "http",
      pass_host: "rewrite",
      upstream_host: "a.internal",
      keepalive_pool: { size: 10, idle_timeout: 5, requests: 10 },
      tls: { verify: false },
      checks: { active: { http_path: "/health" } },
    },
    { service_name: "a.internal", discovery_type: "dns", discovery_args: { group_name: "g" } },
  ],
  services: [
    { ...told, hosts: ["a.test"], plugins, upstream: { nodes }, enable_websocket: true },
    { upstream_id: "example-0" },
  ],
  plugin_configs: [{ ...told, plugins }],
  routes: [
    {
      ...told,
      uri: "/a",
      methods: ["GET"],
      host: "a.test",
      priority: 1,
      status: 1,
      plugins,
      plugin_config_id: "example-0",
      service_id: "example-0",
      timeout,
      enable_websocket: true,
      upstream: { nodes },
    },
    {
      uris: ["/b", "/c/*"],
      hosts: ["a.test", "*.b.test"],
      upstream_id: "example-0",
      remote_addr: "10.0.0.0/8",
      vars: [["arg_x", "==", "1"]],
    },
    {
      uri: "/d",
      remote_addrs: ["10.0.0.0/8", "fd00::/8"],
      script_id: "1",
      upstream_id: "example-0",
    },
  ],
  consumer_groups: [{ ...told, plugins }],
  consumers: [
    {
      username: "example-0",
      desc: "d",
      labels: { a: "b" },
      group_id: "example-0",
      plugins: { "key-auth": { key: "example" } },
    },
  ],
  global_rules: [{ plugins }],
  protos: [{ ...told, content: 'syntax = "proto3";' }],
};
