import { type Static, Type } from "@sinclair/typebox";
import { hostSchema, literals, METHODS } from "./shared-fields.ts";

const HEALTHY_PASSIVE = [
  200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
];

function statuses(defaults: number[]) {
  return Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
    minItems: 1,
    uniqueItems: true,
    default: defaults,
  });
}

function threshold(minimum: number, fallback: number) {
  return Type.Integer({ minimum, maximum: 254, default: fallback });
}

const protocolSchema = literals(["http", "https", "tcp"], { default: "http" });

/** Active and passive health checks of an upstream; times in seconds. */
export const healthCheckSchema = Type.Object(
  {
    active: Type.Optional(
      Type.Object({
        type: Type.Optional(protocolSchema),
        timeout: Type.Optional(Type.Number({ default: 1 })),
        concurrency: Type.Optional(Type.Integer({ default: 10 })),
        host: Type.Optional(hostSchema()),
        port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
        http_method: Type.Optional(literals(METHODS, { default: "GET" })),
        http_path: Type.Optional(Type.String({ default: "/" })),
        http_req_body: Type.Optional(Type.String({ default: "" })),
        https_verify_certificate: Type.Optional(Type.Boolean({ default: true })),
        req_headers: Type.Optional(Type.Array(Type.String({ uniqueItems: true }), { minItems: 1 })),
        healthy: Type.Optional(
          Type.Object({
            interval: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
            http_statuses: Type.Optional(statuses([200, 302])),
            successes: Type.Optional(threshold(1, 2)),
          }),
        ),
        unhealthy: Type.Optional(
          Type.Object({
            interval: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
            http_statuses: Type.Optional(statuses([429, 404, 500, 501, 502, 503, 504, 505])),
            http_failures: Type.Optional(threshold(1, 5)),
            tcp_failures: Type.Optional(threshold(1, 2)),
            timeouts: Type.Optional(threshold(1, 3)),
          }),
        ),
      }),
    ),
    passive: Type.Optional(
      Type.Object({
        type: Type.Optional(protocolSchema),
        healthy: Type.Optional(
          Type.Object({
            http_statuses: Type.Optional(statuses(HEALTHY_PASSIVE)),
            successes: Type.Optional(threshold(0, 5)),
          }),
        ),
        unhealthy: Type.Optional(
          Type.Object({
            http_statuses: Type.Optional(statuses([429, 500, 503])),
            http_failures: Type.Optional(threshold(0, 5)),
            tcp_failures: Type.Optional(threshold(0, 2)),
            timeouts: Type.Optional(threshold(0, 7)),
          }),
        ),
      }),
    ),
  },
  { anyOf: [{ required: ["active"] }, { required: ["active", "passive"] }] },
);

export type HealthCheck = Static<typeof healthCheckSchema>;
