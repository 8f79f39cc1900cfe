import { type JsonObject, literals, openObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import {
  closedObject,
  ingressClassSchema,
  manifestSchema,
  pluginSchema,
  secretRefSchema,
} from "./shared-fields.ts";

const pluginsField = Type.Optional(Type.Array(pluginSchema));

export const apisixPluginConfigSchema = manifestSchema(
  closedObject({ ingressClassName: ingressClassSchema, plugins: pluginsField }),
);

export const apisixGlobalRuleSchema = manifestSchema(
  closedObject({ ingressClassName: ingressClassSchema, plugins: pluginsField }),
);

/** The members of each way to tell who calls are that plugin's own. */
const credentialSchema = Type.Optional(
  closedObject({
    value: Type.Optional(openObject<JsonObject>()),
    secretRef: Type.Optional(closedObject({ name: Type.String({ minLength: 1 }) })),
  }),
);

export const apisixConsumerSchema = manifestSchema(
  closedObject({
    ingressClassName: ingressClassSchema,
    authParameter: Type.Optional(
      closedObject({
        keyAuth: credentialSchema,
        basicAuth: credentialSchema,
        jwtAuth: credentialSchema,
        wolfRBAC: credentialSchema,
        hmacAuth: credentialSchema,
        ldapAuth: credentialSchema,
      }),
    ),
    plugins: pluginsField,
  }),
);

export const apisixTlsSchema = manifestSchema(
  closedObject({
    ingressClassName: ingressClassSchema,
    hosts: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true }),
    secret: secretRefSchema,
    client: Type.Optional(
      closedObject({
        caSecret: Type.Optional(secretRefSchema),
        depth: Type.Optional(Type.Integer({ minimum: 0 })),
        skip_mtls_uri_regex: Type.Optional(Type.Array(Type.String())),
      }),
    ),
  }),
);

const textMapSchema = Type.Record(Type.String(), Type.String());

/** Core objects are read for what the others refer to; the rest of them is not our business. */
export const secretSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }) }),
  data: Type.Optional(textMapSchema),
  stringData: Type.Optional(textMapSchema),
});

const servicePortSchema = Type.Object({
  name: Type.Optional(Type.String()),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  appProtocol: Type.Optional(Type.String()),
});

export const serviceSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }) }),
  spec: Type.Object({
    type: Type.Optional(literals(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"])),
    externalName: Type.Optional(Type.String()),
    ports: Type.Optional(Type.Array(servicePortSchema)),
  }),
});

export type ServicePort = Static<typeof servicePortSchema>;
