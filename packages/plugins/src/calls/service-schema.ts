import { type Static, type TObject, Type } from "@sinclair/typebox";

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

type Keepalive = Static<TObject<typeof keepaliveSchema>>;

/** What {@link keepaliveSchema} says, with its defaults, as connections are opened with it. */
export function keepaliveOf(conf: Keepalive): { readonly size: number; readonly idleMs: number } {
  return {
    size: conf.keepalive === false ? 0 : (conf.keepalive_pool ?? 5),
    idleMs: conf.keepalive_timeout ?? 60_000,
  };
}
