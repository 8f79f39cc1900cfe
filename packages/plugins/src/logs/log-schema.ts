import type { JsonObject } from "@catena/schema";
import { Type } from "@sinclair/typebox";

export function formatSchema(description: string) {
  return Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}, { description })));
}

const expressionSchema = (description: string) =>
  Type.Optional(
    Type.Array(Type.Array(Type.Unknown()), {
      minItems: 1,
      description,
    }),
  );

const bytesSchema = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, default: 524_288, description }));

/** What entries of a log are made of (apisix/utils/log-util.lua). */
export const entrySchema = {
  log_format: formatSchema("fields of an entry in place of all: texts, or variables as $name"),
  log_format_extra: formatSchema("further fields of an entry that has no format of its own"),
  include_req_body: Type.Optional(
    Type.Boolean({ default: false, description: "whether entries have the request's body" }),
  ),
  include_req_body_expr: expressionSchema("conditions under which they do"),
  include_resp_body: Type.Optional(
    Type.Boolean({ default: false, description: "whether entries have the reply's body" }),
  ),
  include_resp_body_expr: expressionSchema("conditions under which they do"),
  max_req_body_bytes: bytesSchema("how much of the request's body entries have"),
  max_resp_body_bytes: bytesSchema("how much of the reply's body entries have"),
};

/** How entries are sent together (apisix/utils/batch-processor.lua). */
export function batchSchema(name: string) {
  return {
    name: Type.Optional(Type.String({ default: name, description: "named in our log" })),
    batch_max_size: Type.Optional(
      Type.Integer({ minimum: 1, default: 1000, description: "most entries of one message" }),
    ),
    inactive_timeout: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 5,
        description: "seconds without an entry after which those that wait are sent",
      }),
    ),
    buffer_duration: Type.Optional(
      Type.Integer({ minimum: 1, default: 60, description: "seconds an entry waits at most" }),
    ),
    max_retry_count: Type.Optional(
      Type.Integer({ minimum: 0, default: 0, description: "further tries of a message" }),
    ),
    retry_delay: Type.Optional(
      Type.Integer({ minimum: 0, default: 1, description: "seconds before each of them" }),
    ),
  };
}

/** Metadata of plugins that send entries together. */
export const pendingSchema = {
  max_pending_entries: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 8192,
      description: "entries that may wait; further ones are dropped",
    }),
  ),
};
