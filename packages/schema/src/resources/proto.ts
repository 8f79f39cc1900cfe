import { type Static, Type } from "@sinclair/typebox";
import {
  descSchema,
  idSchema,
  labelsSchema,
  nameSchema,
  timestampSchema,
} from "./shared-fields.ts";

/** A protobuf definition, as source or base64 of a descriptor set (apisix/schema_def.lua, proto). */
export const protoSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    content: Type.String({ minLength: 1, maxLength: 1_048_576 }),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type Proto = Static<typeof protoSchema>;
