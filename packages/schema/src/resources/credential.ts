import { type Static, Type } from "@sinclair/typebox";
import {
  descSchema,
  idSchema,
  labelsSchema,
  nameSchema,
  openObject,
  type PluginConfs,
  timestampSchema,
} from "./shared-fields.ts";

/** One way for a consumer to identify itself: one auth plugin (apisix/schema_def.lua, credential). */
export const credentialSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    plugins: Type.Optional(openObject<PluginConfs>({ maxProperties: 1 })),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type Credential = Static<typeof credentialSchema>;
