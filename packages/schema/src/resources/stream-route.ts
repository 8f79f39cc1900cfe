import { type Static, Type } from "@sinclair/typebox";
import {
  addressSchema,
  descSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  nameSchema,
  openObject,
  pluginsSchema,
  timestampSchema,
} from "./shared-fields.ts";
import { upstreamSchema } from "./upstream.ts";

const loggerSchema = Type.Unsafe<{
  name?: string;
  filter?: unknown[];
  conf?: Record<string, unknown>;
}>(
  Type.Any({
    additionalProperties: false,
    dependencies: { name: ["conf"] },
    properties: {
      conf: { description: "configuration of the logger", type: "object" },
      filter: { description: "when to log", type: "array" },
      name: { type: "string" },
    },
  }),
);

/** A TCP or UDP route; kept and validated, not served (apisix/schema_def.lua, stream_route). */
export const streamRouteSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    remote_addr: Type.Optional(addressSchema()),
    server_addr: Type.Optional(addressSchema("server IP")),
    server_port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, description: "server port" }),
    ),
    sni: Type.Optional(hostSchema({ description: "server name indication" })),
    upstream: Type.Optional(upstreamSchema),
    upstream_id: Type.Optional(idSchema),
    service_id: Type.Optional(idSchema),
    plugins: Type.Optional(pluginsSchema),
    protocol: Type.Optional(
      Type.Object({
        name: Type.String(),
        superior_id: Type.Optional(idSchema),
        conf: Type.Optional(openObject({ description: "what the protocol needs" })),
        logger: Type.Optional(Type.Array(loggerSchema)),
      }),
    ),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type StreamRoute = Static<typeof streamRouteSchema>;
