import { type Static, Type } from "@sinclair/typebox";
import {
  descSchema,
  idSchema,
  labelsSchema,
  pluginsSchema,
  timestampSchema,
} from "./shared-fields.ts";

/** Who calls, and what plugins apply to their calls (apisix/schema_def.lua, consumer). */
export const consumerSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    username: Type.String({ minLength: 1, maxLength: 256, pattern: "^[a-zA-Z0-9_\\-]+$" }),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    group_id: Type.Optional(idSchema),
    plugins: Type.Optional(pluginsSchema),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type Consumer = Static<typeof consumerSchema>;
