import { findArgument } from "@catena/expr";
import type { GatewayReply, PluginServices, RequestContext } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { attachConsumer, type Fallback, fallBack } from "./auth/attach-consumer.ts";
import { hideArgument } from "./auth/hide-argument.ts";
import { anonymousSchema, hideCredentialsSchema, realmSchema } from "./auth/realm.ts";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";

const schema = Type.Object({
  header: Type.Optional(Type.String({ default: "apikey", description: "header with the key" })),
  query: Type.Optional(
    Type.String({
      default: "apikey",
      description: "query argument with the key, looked at when the header is absent",
    }),
  ),
  hide_credentials: hideCredentialsSchema,
  realm: realmSchema("key"),
  anonymous_consumer: anonymousSchema,
});

/**
 * key-auth: identifies the consumer by a key in a header, or in a query argument when the header is
 * absent (apisix/plugins/key-auth.lua).
 */
export const keyAuth = definePlugin({
  name: "key-auth",
  priority: 2500,
  type: "auth",
  schema,
  consumerSchema: Type.Object({ key: Type.String({ description: "the consumer's own key" }) }),
  encryptFields: { consumer: ["key"] },
  uniqueField: "key",
  create: (conf, services) => {
    const gate = new KeyGate(conf, services);
    return { value: { rewrite: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

class KeyGate {
  readonly #header: string;
  readonly #query: string;
  readonly #hide: boolean;
  readonly #services: PluginServices;
  readonly #fallback: Fallback;

  constructor(conf: Static<typeof schema>, services: PluginServices) {
    this.#header = (conf.header ?? "apikey").toLowerCase();
    this.#query = conf.query ?? "apikey";
    this.#hide = conf.hide_credentials ?? false;
    this.#services = services;
    this.#fallback = {
      challenge: `apikey realm="${conf.realm ?? "key"}"`,
      anonymous: conf.anonymous_consumer,
      plugin: "key-auth",
      consumers: services.consumers,
      log: firstOnly(services.log),
    };
  }

  pass(ctx: RequestContext): GatewayReply | undefined {
    const shown = ctx.header(this.#header);
    const key = shown ?? findArgument(ctx.query, this.#query);
    if (key === undefined) return this.#refuse(ctx, "Missing API key in request");
    const found = key === true ? null : this.#services.consumers.find("key-auth", key);
    if (found === null) return this.#refuse(ctx, "Invalid API key in request");
    if (this.#hide) {
      if (shown !== null) ctx.editHeaders().remove(this.#header);
      else hideArgument(ctx, this.#query);
    }
    attachConsumer(ctx, found.consumer);
    return undefined;
  }

  #refuse(ctx: RequestContext, reason: string): GatewayReply | undefined {
    return fallBack(ctx, this.#fallback, reason, this.#hide ? this.#hideBoth : null);
  }

  /** A wrong key may stand in either place, or in both. */
  readonly #hideBoth = (ctx: RequestContext): void => {
    ctx.editHeaders().remove(this.#header);
    hideArgument(ctx, this.#query);
  };
}
