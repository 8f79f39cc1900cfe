import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import {
  closedObject,
  ingressClassSchema,
  manifestSchema,
  portSchema,
  secretRefSchema,
  timeoutSchema,
  weightSchema,
} from "./shared-fields.ts";

const statusesSchema = Type.Optional(Type.Array(Type.Integer({ minimum: 200, maximum: 599 })));
const countSchema = Type.Optional(Type.Integer({ minimum: 0, maximum: 254 }));
const intervalSchema = Type.Optional(Type.String({ pattern: "^[0-9]+(s|m|h)$" }));

const healthyFields = { httpCodes: statusesSchema, successes: countSchema };
const unhealthyFields = {
  httpCodes: statusesSchema,
  httpFailures: countSchema,
  tcpFailures: countSchema,
  timeout: countSchema,
};
const checkTypeSchema = Type.Optional(literals(["http", "https", "tcp"]));

const activeCheckSchema = closedObject({
  type: checkTypeSchema,
  timeout: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String()])),
  concurrency: Type.Optional(Type.Integer({ minimum: 1 })),
  host: Type.Optional(Type.String()),
  port: Type.Optional(portSchema),
  httpPath: Type.Optional(Type.String()),
  strictTLS: Type.Optional(Type.Boolean()),
  requestHeaders: Type.Optional(Type.Array(Type.String())),
  healthy: Type.Optional(closedObject({ ...healthyFields, interval: intervalSchema })),
  unhealthy: Type.Optional(closedObject({ ...unhealthyFields, interval: intervalSchema })),
});

const passiveCheckSchema = closedObject({
  type: checkTypeSchema,
  healthy: Type.Optional(closedObject(healthyFields)),
  unhealthy: Type.Optional(closedObject(unhealthyFields)),
});

const configFields = {
  scheme: Type.Optional(literals(["http", "https", "grpc", "grpcs"])),
  loadbalancer: Type.Optional(
    closedObject({
      type: literals(["roundrobin", "chash", "ewma", "least_conn"]),
      hashOn: Type.Optional(
        literals(["vars", "header", "cookie", "consumer", "vars_combinations"]),
      ),
      key: Type.Optional(Type.String()),
    }),
  ),
  retries: Type.Optional(Type.Integer({ minimum: 0 })),
  timeout: Type.Optional(timeoutSchema),
  healthCheck: Type.Optional(
    closedObject({
      active: Type.Optional(activeCheckSchema),
      passive: Type.Optional(passiveCheckSchema),
    }),
  ),
  tlsSecret: Type.Optional(secretRefSchema),
  subsets: Type.Optional(
    Type.Array(
      closedObject({ name: Type.String(), labels: Type.Record(Type.String(), Type.String()) }),
    ),
  ),
  passHost: Type.Optional(literals(["pass", "node", "rewrite"])),
  upstreamHost: Type.Optional(Type.String()),
  discovery: Type.Optional(
    closedObject({
      serviceName: Type.String({ minLength: 1 }),
      type: Type.String({ minLength: 1 }),
      args: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
};

const configSchema = closedObject(configFields);

const externalNodeSchema = closedObject({
  name: Type.String({ minLength: 1 }),
  type: Type.Optional(literals(["Domain", "Service"])),
  weight: weightSchema,
  port: Type.Optional(portSchema),
});

/** `apisix.apache.org/v2` ApisixUpstream. */
export const apisixUpstreamSchema = manifestSchema(
  closedObject({
    ...configFields,
    ingressClassName: ingressClassSchema,
    externalNodes: Type.Optional(Type.Array(externalNodeSchema)),
    portLevelSettings: Type.Optional(
      Type.Array(closedObject({ ...configFields, port: portSchema })),
    ),
  }),
);

export type UpstreamConfig = Static<typeof configSchema>;
export type ExternalNode = Static<typeof externalNodeSchema>;
export type CrdHealthCheck = NonNullable<UpstreamConfig["healthCheck"]>;
