import { type Static, Type } from "@sinclair/typebox";
import {
  certSchema,
  descSchema,
  hostSchema,
  idSchema,
  labelsSchema,
  literals,
  privateKeySchema,
  statusSchema,
  timestampSchema,
} from "./shared-fields.ts";

/** Certificates by server name, or one to show to upstreams (apisix/schema_def.lua, ssl). */
export const sslSchema = Type.Object(
  {
    id: Type.Optional(idSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    type: Type.Optional(
      literals(["server", "client"], {
        default: "server",
        description: "whether clients are shown the certificate, or upstreams",
      }),
    ),
    cert: Type.Optional(certSchema),
    key: Type.Optional(privateKeySchema),
    certs: Type.Optional(Type.Array(certSchema)),
    keys: Type.Optional(Type.Array(privateKeySchema)),
    sni: Type.Optional(hostSchema()),
    snis: Type.Optional(Type.Array(hostSchema(), { minItems: 1 })),
    client: Type.Optional(
      Type.Object({
        ca: certSchema,
        depth: Type.Optional(Type.Integer({ minimum: 0, default: 1 })),
        skip_mtls_uri_regex: Type.Optional(
          Type.Array(
            Type.String({ description: "paths for which no client certificate is needed" }),
            {
              minItems: 1,
              uniqueItems: true,
            },
          ),
        ),
      }),
    ),
    ocsp_stapling: Type.Optional(
      Type.Object({
        enabled: Type.Optional(Type.Boolean({ default: false })),
        skip_verify: Type.Optional(Type.Boolean({ default: false })),
        cache_ttl: Type.Optional(Type.Integer({ minimum: 60, default: 3600 })),
      }),
    ),
    ssl_protocols: Type.Optional(
      Type.Array(literals(["TLSv1.1", "TLSv1.2", "TLSv1.3"]), {
        maxItems: 3,
        uniqueItems: true,
        description: "TLS versions to offer",
      }),
    ),
    status: Type.Optional(statusSchema("1 in use, 0 not")),
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  {
    additionalProperties: false,
    if: { properties: { type: { enum: ["server"] } } },
    // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
    then: {
      oneOf: [{ required: ["sni", "key", "cert"] }, { required: ["snis", "key", "cert"] }],
    },
    else: { required: ["key", "cert"] },
  },
);

export type Ssl = Static<typeof sslSchema>;
