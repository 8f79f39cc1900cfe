import { literals, METHODS, openObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import {
  closedObject,
  ingressClassSchema,
  manifestSchema,
  pluginSchema,
  portSchema,
  timeoutSchema,
  weightSchema,
} from "./shared-fields.ts";

const EXPRESSION_SCOPES = ["Query", "Header", "Cookie", "Path", "Variable", "Body"] as const;

const EXPRESSION_OPERATORS = [
  "Equal",
  "NotEqual",
  "GreaterThan",
  "GreaterThanEqual",
  "LessThan",
  "LessThanEqual",
  "RegexMatch",
  "RegexMatchCaseInsensitive",
  "RegexNotMatch",
  "RegexNotMatchCaseInsensitive",
  "In",
  "NotIn",
] as const;

const expressionSchema = closedObject({
  subject: closedObject({
    scope: literals(EXPRESSION_SCOPES),
    name: Type.Optional(Type.String()),
  }),
  op: literals(EXPRESSION_OPERATORS),
  value: Type.Optional(Type.String()),
  set: Type.Optional(Type.Array(Type.String())),
});

const matchSchema = closedObject({
  paths: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true }),
  methods: Type.Optional(Type.Array(literals(METHODS), { uniqueItems: true })),
  hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true })),
  remoteAddrs: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true })),
  exprs: Type.Optional(Type.Array(expressionSchema)),
  filter_func: Type.Optional(Type.String()),
});

const backendSchema = closedObject({
  serviceName: Type.String({ minLength: 1 }),
  servicePort: Type.Union([portSchema, Type.String({ minLength: 1 })]),
  resolveGranularity: Type.Optional(literals(["endpoints", "endpoint", "service"])),
  weight: weightSchema,
  subset: Type.Optional(Type.String()),
});

const authenticationSchema = closedObject({
  enable: Type.Optional(Type.Boolean()),
  type: Type.Optional(
    literals(["keyAuth", "basicAuth", "jwtAuth", "hmacAuth", "ldapAuth", "wolfRBAC"]),
  ),
  keyAuth: Type.Optional(closedObject({ header: Type.Optional(Type.String()) })),
  jwtAuth: Type.Optional(
    closedObject({
      header: Type.Optional(Type.String()),
      query: Type.Optional(Type.String()),
      cookie: Type.Optional(Type.String()),
    }),
  ),
  ldapAuth: Type.Optional(
    closedObject({
      base_dn: Type.Optional(Type.String()),
      ldap_uri: Type.Optional(Type.String()),
      use_tls: Type.Optional(Type.Boolean()),
      uid: Type.Optional(Type.String()),
    }),
  ),
});

const ruleSchema = closedObject({
  name: Type.String({ minLength: 1 }),
  priority: Type.Optional(Type.Integer()),
  timeout: Type.Optional(timeoutSchema),
  match: matchSchema,
  backends: Type.Optional(Type.Array(backendSchema)),
  upstreams: Type.Optional(
    Type.Array(closedObject({ name: Type.String({ minLength: 1 }), weight: weightSchema })),
  ),
  websocket: Type.Optional(Type.Boolean()),
  plugin_config_name: Type.Optional(Type.String({ minLength: 1 })),
  plugin_config_namespace: Type.Optional(Type.String({ minLength: 1 })),
  plugins: Type.Optional(Type.Array(pluginSchema)),
  authentication: Type.Optional(authenticationSchema),
});

/** `apisix.apache.org/v2` ApisixRoute; `stream` rules are read only to say that they are not served. */
export const apisixRouteSchema = manifestSchema(
  closedObject({
    ingressClassName: ingressClassSchema,
    http: Type.Optional(Type.Array(ruleSchema)),
    stream: Type.Optional(Type.Array(openObject())),
  }),
);

export type RouteRule = Static<typeof ruleSchema>;
export type RouteBackend = Static<typeof backendSchema>;
export type RouteExpression = Static<typeof expressionSchema>;
export type RouteAuthentication = Static<typeof authenticationSchema>;
