import { type Static, Type } from "@sinclair/typebox";
import {
  addressSchema,
  descSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  literals,
  METHODS,
  nameSchema,
  pluginsSchema,
  scriptSchema,
  statusSchema,
  timeoutSchema,
  timestampSchema,
} from "./shared-fields.ts";
import { upstreamSchema } from "./upstream.ts";

/** Neither, or exactly one, of a field and its plural. */
function atMostOneOf(one: string, many: string) {
  return {
    oneOf: [
      { not: { anyOf: [{ required: [one] }, { required: [many] }] } },
      { required: [one] },
      { required: [many] },
    ],
  };
}

/** What ends a request: a target, or plugins alone. */
const ENDS = ["plugins", "upstream", "upstream_id", "service_id"];

/** What a request must look like and what becomes of it (apisix/schema_def.lua, route). */
export const routeSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    uri: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    uris: Type.Optional(
      Type.Array(Type.String({ description: "HTTP uri" }), { minItems: 1, uniqueItems: true }),
    ),
    methods: Type.Optional(
      Type.Array(literals(METHODS, { description: "HTTP method" }), { uniqueItems: true }),
    ),
    host: Type.Optional(hostSchema()),
    hosts: Type.Optional(Type.Array(hostSchema(), { minItems: 1, uniqueItems: true })),
    remote_addr: Type.Optional(addressSchema()),
    remote_addrs: Type.Optional(Type.Array(addressSchema(), { minItems: 1, uniqueItems: true })),
    vars: Type.Optional(Type.Array(Type.Unknown())),
    priority: Type.Optional(Type.Integer({ default: 0 })),
    status: Type.Optional(statusSchema("1 in use, 0 not")),
    plugins: Type.Optional(pluginsSchema),
    plugin_config_id: Type.Optional(idSchema),
    service_id: Type.Optional(idSchema),
    upstream: Type.Optional(upstreamSchema),
    upstream_id: Type.Optional(idSchema),
    timeout: Type.Optional(timeoutSchema),
    enable_websocket: Type.Optional(
      Type.Boolean({ description: "whether connections may be upgraded" }),
    ),
    filter_func: Type.Optional(Type.String({ minLength: 10, pattern: "^function" })),
    script: Type.Optional(scriptSchema),
    script_id: Type.Optional(idSchema),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  {
    additionalProperties: false,
    allOf: [
      { oneOf: [{ required: ["uri"] }, { required: ["uris"] }] },
      atMostOneOf("host", "hosts"),
      atMostOneOf("remote_addr", "remote_addrs"),
    ],
    anyOf: [
      ...ENDS.map((end) => ({ required: [end, "uri"] })),
      ...ENDS.map((end) => ({ required: [end, "uris"] })),
      { required: ["script", "uri"] },
      { required: ["script", "uris"] },
    ],
    not: {
      anyOf: [{ required: ["script", "plugins"] }, { required: ["script", "plugin_config_id"] }],
    },
  },
);

export type Route = Static<typeof routeSchema>;
