import { type Static, Type } from "@sinclair/typebox";
import { healthCheckSchema } from "./health-check.ts";
import {
  certSchema,
  descSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  literals,
  nameSchema,
  openObject,
  privateKeySchema,
  timeoutSchema,
  timestampSchema,
} from "./shared-fields.ts";

const nodeSchema = Type.Object({
  host: hostSchema(),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: "port of node" })),
  weight: Type.Integer({ minimum: 0, description: "weight of node" }),
  priority: Type.Optional(Type.Integer({ default: 0, description: "priority of node" })),
  metadata: Type.Optional(openObject({ description: "metadata of node" })),
});

const tlsSchema = Type.Object(
  {
    client_cert: Type.Optional(certSchema),
    client_cert_id: Type.Optional(idSchema),
    client_key: Type.Optional(privateKeySchema),
    verify: Type.Optional(
      Type.Boolean({
        default: false,
        description: "whether certificates are verified; kafka only",
      }),
    ),
  },
  {
    dependencies: {
      client_cert: { required: ["client_key"] },
      client_cert_id: { not: { required: ["client_cert", "client_key"] } },
      client_key: { required: ["client_cert"] },
    },
  },
);

/** A set of nodes and how to reach them (apisix/schema_def.lua, upstream). */
export const upstreamSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    type: Type.Optional(
      Type.String({ default: "roundrobin", description: "how a node is chosen" }),
    ),
    nodes: Type.Optional(
      Type.Union([
        Type.Record(
          Type.String({ pattern: ".*" }),
          Type.Integer({ minimum: 0, description: "weight of node" }),
        ),
        Type.Array(nodeSchema),
      ]),
    ),
    service_name: Type.Optional(nameSchema),
    discovery_type: Type.Optional(Type.String({ description: "discovery type" })),
    discovery_args: Type.Optional(
      Type.Object({
        namespace_id: Type.Optional(Type.String({ description: "namespace id" })),
        group_name: Type.Optional(Type.String({ description: "group name" })),
      }),
    ),
    hash_on: Type.Optional(
      literals(["vars", "header", "cookie", "consumer", "vars_combinations"], { default: "vars" }),
    ),
    key: Type.Optional(Type.String({ description: "what chash hashes on" })),
    retries: Type.Optional(Type.Integer({ minimum: 0 })),
    retry_timeout: Type.Optional(Type.Number({ minimum: 0 })),
    timeout: Type.Optional(timeoutSchema),
    scheme: Type.Optional(
      literals(["grpc", "grpcs", "http", "https", "tcp", "tls", "udp", "kafka"], {
        default: "http",
      }),
    ),
    pass_host: Type.Optional(
      literals(["pass", "node", "rewrite"], {
        default: "pass",
        description: "what Host the nodes are sent",
      }),
    ),
    upstream_host: Type.Optional(hostSchema()),
    keepalive_pool: Type.Optional(
      Type.Object({
        size: Type.Optional(Type.Integer({ minimum: 1, default: 320 })),
        idle_timeout: Type.Optional(Type.Number({ minimum: 0, default: 60 })),
        requests: Type.Optional(Type.Integer({ minimum: 1, default: 1000 })),
      }),
    ),
    tls: Type.Optional(tlsSchema),
    checks: Type.Optional(healthCheckSchema),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  {
    additionalProperties: false,
    oneOf: [{ required: ["nodes"] }, { required: ["service_name", "discovery_type"] }],
  },
);

export type Upstream = Static<typeof upstreamSchema>;
export type UpstreamNode = Static<typeof nodeSchema>;
