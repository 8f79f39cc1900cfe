import { Type } from "@sinclair/typebox";

/** `ssl_verify` of plugins that call a service. */
export function sslVerifySchema(value: boolean) {
  return Type.Optional(
    Type.Boolean({ default: value, description: "whether the service's certificate is verified" }),
  );
}

/** How connections to a service are kept. */
export const keepaliveSchema = {
  keepalive: Type.Optional(
    Type.Boolean({ default: true, description: "whether connections are kept" }),
  ),
  keepalive_timeout: Type.Optional(
    Type.Integer({
      minimum: 1000,
      default: 60_000,
      description: "milliseconds a connection is kept unused",
    }),
  ),
  keepalive_pool: Type.Optional(
    Type.Integer({ minimum: 1, default: 5, description: "unused connections that are kept" }),
  ),
};
