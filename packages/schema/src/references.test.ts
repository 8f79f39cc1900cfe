import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import {
  createPluginRegistry,
  deployOrder,
  type Kind,
  kindNames,
  kinds,
  referencesOf,
} from "./index.ts";

describe("referencesOf", () => {
  const cases: [kind: Kind, document: unknown, references: string[]][] = [
    [
      "routes",
      { uri: "/x", service_id: 1, upstream_id: "u", plugin_config_id: "p" },
      ["upstreams/u /upstream_id", "services/1 /service_id", "plugin_configs/p /plugin_config_id"],
    ],
    [
      "routes",
      { upstream: { tls: { client_cert_id: "c" } } },
      ["ssls/c /upstream/tls/client_cert_id"],
    ],
    ["upstreams", { tls: { client_cert_id: "c" } }, ["ssls/c /tls/client_cert_id"]],
    ["consumers", { username: "a", group_id: "g" }, ["consumer_groups/g /group_id"]],
    [
      "stream_routes",
      { protocol: { superior_id: "s" } },
      ["stream_routes/s /protocol/superior_id"],
    ],
    [
      "services",
      {
        plugins: {
          "traffic-split": {
            rules: [
              { weighted_upstreams: [{ weight: 1 }, { upstream_id: "a" }] },
              { weighted_upstreams: [{ upstream_id: 2 }] },
              { weighted_upstreams: [{ upstream: { tls: { client_cert_id: "c" } } }] },
            ],
          },
          "grpc-transcode": { proto_id: "pb" },
          "proxy-chain": {
            services: [{ uri: "http://x/" }, { uri: "http://y/", upstream_id: "c" }],
          },
          "my/own": { target: "t" },
        },
      },
      [
        "upstreams/a /plugins/traffic-split/rules/0/weighted_upstreams/1/upstream_id",
        "upstreams/2 /plugins/traffic-split/rules/1/weighted_upstreams/0/upstream_id",
        "ssls/c /plugins/traffic-split/rules/2/weighted_upstreams/0/upstream/tls/client_cert_id",
        "protos/pb /plugins/grpc-transcode/proto_id",
        "upstreams/c /plugins/proxy-chain/services/1/upstream_id",
        "services/t /plugins/my~1own/target",
      ],
    ],
    ["routes", { plugins: { "traffic-split": { rules: "x" }, "proxy-chain": null } }, []],
    ["routes", null, []],
  ];
  const registry = createPluginRegistry([
    {
      name: "my/own",
      priority: 1,
      schema: Type.Object({}),
      references: (conf) => [{ kind: "services", id: String(conf["target"]), path: "/target" }],
    },
  ]);
  test.each(cases)("%s %j", (kind, document, expected) => {
    const found = referencesOf(kind, document, { registry });
    expect(found.map((one) => `${one.kind}/${one.id} ${one.path}`)).toEqual(expected);
  });

  test("a credential points at its consumer", () => {
    expect(referencesOf("credentials", {}, { id: "jack/credentials/c" })).toEqual([
      { kind: "consumers", id: "jack", path: "" },
    ]);
  });
});

test("every kind is deployed once, after all it may point at", () => {
  expect(deployOrder.toSorted()).toEqual([...kindNames]);
  for (const [index, kind] of deployOrder.entries()) {
    for (const target of kinds[kind].references) {
      expect([kind, target, deployOrder.slice(0, index).some((one) => one === target)]).toEqual([
        kind,
        target,
        true,
      ]);
    }
  }
});
