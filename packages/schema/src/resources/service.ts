import { type Static, Type } from "@sinclair/typebox";
import {
  descSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  nameSchema,
  pluginsSchema,
  scriptSchema,
  timestampSchema,
} from "./shared-fields.ts";
import { upstreamSchema } from "./upstream.ts";

/** What several routes have in common (apisix/schema_def.lua, service). */
export const serviceSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    hosts: Type.Optional(Type.Array(hostSchema(), { minItems: 1, uniqueItems: true })),
    plugins: Type.Optional(pluginsSchema),
    upstream: Type.Optional(upstreamSchema),
    upstream_id: Type.Optional(idSchema),
    enable_websocket: Type.Optional(
      Type.Boolean({ description: "whether connections may be upgraded" }),
    ),
    script: Type.Optional(scriptSchema),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type Service = Static<typeof serviceSchema>;
