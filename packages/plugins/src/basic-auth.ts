import type { FoundConsumer, GatewayReply, PluginServices, RequestContext } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { attachConsumer, type Fallback, fallBack } from "./auth/attach-consumer.ts";
import { anonymousSchema, hideCredentialsSchema, realmSchema } from "./auth/realm.ts";
import { isSameSecret } from "./auth/same-secret.ts";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";

const schema = Type.Object({
  hide_credentials: hideCredentialsSchema,
  realm: realmSchema("basic"),
  anonymous_consumer: anonymousSchema,
});

/**
 * basic-auth: identifies the consumer by name and password (RFC 7617; apisix/plugins/basic-auth.lua).
 */
export const basicAuth = definePlugin({
  name: "basic-auth",
  priority: 2520,
  type: "auth",
  schema,
  consumerSchema: Type.Object({
    username: Type.String({ description: "name to sign in with" }),
    password: Type.String({ description: "password to sign in with" }),
  }),
  encryptFields: { consumer: ["password"] },
  uniqueField: "username",
  create: (conf, services) => {
    const gate = new PasswordGate(conf, services);
    return { value: { rewrite: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

interface SignIn {
  readonly username: string;
  readonly password: string;
}

class PasswordGate {
  readonly #hide: boolean;
  readonly #services: PluginServices;
  readonly #fallback: Fallback;

  constructor(conf: Static<typeof schema>, services: PluginServices) {
    this.#hide = conf.hide_credentials ?? false;
    this.#services = services;
    this.#fallback = {
      challenge: `Basic realm="${conf.realm ?? "basic"}"`,
      anonymous: conf.anonymous_consumer,
      plugin: "basic-auth",
      consumers: services.consumers,
      log: firstOnly(services.log),
    };
  }

  pass(ctx: RequestContext): GatewayReply | undefined {
    const header = ctx.header("authorization");
    if (header === null) return this.#refuse(ctx, "Missing authorization in request");
    const signIns = readSignIns(header);
    if (signIns.length === 0) return this.#refuse(ctx, "Invalid authorization in request");
    const found = this.#find(signIns);
    if (found === null) return this.#refuse(ctx, "Invalid user authorization");
    if (this.#hide) hideAuthorization(ctx);
    attachConsumer(ctx, found.consumer);
    return undefined;
  }

  #find(signIns: readonly SignIn[]): FoundConsumer | null {
    for (const { username, password } of signIns) {
      const found = this.#services.consumers.find("basic-auth", username);
      const expected = found?.conf["password"];
      // Compared even when nobody is found, so that names can't be told by time.
      const isRight = isSameSecret(password, typeof expected === "string" ? expected : "");
      if (isRight && found !== null && typeof expected === "string") return found;
    }
    return null;
  }

  #refuse(ctx: RequestContext, reason: string): GatewayReply | undefined {
    return fallBack(ctx, this.#fallback, reason, this.#hide ? hideAuthorization : null);
  }
}

function hideAuthorization(ctx: RequestContext): void {
  ctx.editHeaders().remove("authorization");
}

/**
 * What a header may mean: name and password by RFC 7617, which may hold colons and blanks; and as
 * APISIX reads them, without any blank and without what follows a second colon, so that clients that
 * work with it (`echo jack:pw | base64` sends a line end) go on working.
 */
function readSignIns(header: string): readonly SignIn[] {
  const encoded = /basic\s(.+)/i.exec(header)?.[1];
  if (encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return [];
  const [username, ...rest] = Buffer.from(encoded, "base64").toString().split(":");
  if (username === undefined || rest.length === 0) return [];
  const exact = { username, password: rest.join(":") };
  const lenient = { username: withoutBlanks(username), password: withoutBlanks(rest[0] ?? "") };
  return exact.username === lenient.username && exact.password === lenient.password
    ? [exact]
    : [exact, lenient];
}

function withoutBlanks(text: string): string {
  return text.replaceAll(/\s/g, "");
}
