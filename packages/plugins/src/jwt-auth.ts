import type { Issue } from "@catena/errors";
import { findArgument, findCookie, withoutCookie } from "@catena/expr";
import type { FoundConsumer, GatewayReply, PluginServices, RequestContext } from "@catena/pipeline";
import { type JsonObject, literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { attachConsumer, type Fallback, fallBack } from "./auth/attach-consumer.ts";
import { hideArgument } from "./auth/hide-argument.ts";
import { type ParsedJwt, parseJwt } from "./auth/parse-jwt.ts";
import { anonymousSchema, hideCredentialsSchema, realmSchema } from "./auth/realm.ts";
import {
  compileVerifier,
  hmacAlgorithms,
  publicKeyAlgorithms,
  type SignatureAlgorithm,
  type SignatureVerifier,
} from "./auth/signature-verifier.ts";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";

const schema = Type.Object({
  header: Type.Optional(
    Type.String({ default: "authorization", description: "header with the token" }),
  ),
  query: Type.Optional(
    Type.String({
      default: "jwt",
      description: "query argument with it, where there is no header",
    }),
  ),
  cookie: Type.Optional(
    Type.String({ default: "jwt", description: "cookie with it, where there is neither" }),
  ),
  hide_credentials: hideCredentialsSchema,
  key_claim_name: Type.Optional(
    Type.String({ default: "key", minLength: 1, description: "claim that names the consumer" }),
  ),
  store_in_ctx: Type.Optional(Type.Boolean({ default: false, description: "without effect" })),
  realm: realmSchema("jwt"),
  anonymous_consumer: anonymousSchema,
  claims_to_verify: Type.Optional(
    Type.Array(literals(["exp", "nbf"]), {
      uniqueItems: true,
      description: "claims a token must have; by default those it has must hold",
    }),
  ),
});

const consumerSchema = Type.Object(
  {
    key: Type.String({ minLength: 1, description: "value of the claim that names this consumer" }),
    secret: Type.Optional(Type.String({ minLength: 1, description: "secret of HS algorithms" })),
    algorithm: Type.Optional(
      literals([...hmacAlgorithms, ...publicKeyAlgorithms], {
        default: "HS256",
        description: "algorithm of the signature; others need public_key",
      }),
    ),
    exp: Type.Optional(Type.Integer({ minimum: 1, default: 86400, description: "without effect" })),
    base64_secret: Type.Optional(
      Type.Boolean({ default: false, description: "whether secret is written in base64" }),
    ),
    lifetime_grace_period: Type.Optional(
      Type.Integer({ minimum: 0, default: 0, description: "seconds clocks may differ" }),
    ),
  },
  {
    dependencies: {
      algorithm: {
        oneOf: [
          { properties: { algorithm: { enum: [...hmacAlgorithms], default: "HS256" } } },
          {
            properties: {
              public_key: { type: "string", minLength: 1 },
              algorithm: { enum: [...publicKeyAlgorithms] },
            },
            required: ["public_key"],
          },
        ],
      },
    },
  },
);

type Conf = Static<typeof schema>;

/**
 * jwt-auth: identifies the consumer by a signed token (RFC 7519; apisix/plugins/jwt-auth.lua). The
 * algorithm is the consumer's; a token signed otherwise is refused.
 */
export const jwtAuth = definePlugin({
  name: "jwt-auth",
  priority: 2510,
  type: "auth",
  schema,
  consumerSchema,
  checkConsumer: (conf) => checkConsumer(conf),
  encryptFields: { consumer: ["secret"] },
  uniqueField: "key",
  create: (conf, services) => {
    const gate = new TokenGate(conf, services);
    return { value: { rewrite: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

function checkConsumer(conf: JsonObject): readonly Issue[] {
  const { algorithm = "HS256", secret, base64_secret } = conf;
  const invalid = (path: string, message: string): Issue[] => [
    { path, code: "JWT_KEY_INVALID", message },
  ];
  const isReference = [secret, conf["public_key"]].some(
    (value) => typeof value === "string" && /^\$(secret|env):\/\//i.test(value),
  );
  const usesSecret = String(algorithm).startsWith("HS");
  if (usesSecret && secret === undefined) {
    return invalid("", 'property "secret" is required when using HS based algorithms');
  }
  if (isReference) return [];
  if (base64_secret === true && !isBase64(String(secret ?? ""))) {
    const message = "base64_secret required but the secret is not in base64 format";
    return invalid("/secret", message);
  }
  return usesSecret || verifierOf(conf) !== null
    ? []
    : invalid("/public_key", "missing valid public key");
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 !== 1;
}

class TokenGate {
  readonly #conf: Required<Pick<Conf, "header" | "query" | "cookie" | "key_claim_name">>;
  readonly #hide: boolean;
  readonly #claims: readonly string[];
  readonly #services: PluginServices;
  readonly #fallback: Fallback;

  constructor(conf: Conf, services: PluginServices) {
    const {
      header = "authorization",
      query = "jwt",
      cookie = "jwt",
      key_claim_name = "key",
    } = conf;
    this.#conf = { header: header.toLowerCase(), query, cookie, key_claim_name };
    this.#hide = conf.hide_credentials ?? false;
    this.#claims = conf.claims_to_verify ?? [];
    this.#services = services;
    this.#fallback = {
      challenge: `Bearer realm="${conf.realm ?? "jwt"}"`,
      anonymous: conf.anonymous_consumer,
      plugin: "jwt-auth",
      consumers: services.consumers,
      log: firstOnly(services.log),
    };
  }

  pass(ctx: RequestContext): GatewayReply | undefined {
    const found = this.#identify(ctx);
    // What was wrong with the token was hidden with it already.
    if (typeof found === "string") return fallBack(ctx, this.#fallback, found, null);
    attachConsumer(ctx, found.consumer);
    return undefined;
  }

  /** The consumer, or what the client is told. */
  #identify(ctx: RequestContext): FoundConsumer | string {
    const token = this.#takeToken(ctx);
    if (token === null) return "Missing JWT token in request";
    const jwt = parseJwt(token);
    if (jwt === null) return "JWT token invalid";
    const { key_claim_name: claim } = this.#conf;
    const key = Object.hasOwn(jwt.payload, claim) ? jwt.payload[claim] : undefined;
    if (key === undefined || key === null || key === false) return "missing user key in JWT token";
    const found = typeof key === "string" ? this.#services.consumers.find("jwt-auth", key) : null;
    if (found === null) return "Invalid user key in JWT token";
    return isVerified(jwt, found.conf, this.#claims) ? found : "failed to verify jwt";
  }

  #takeToken(ctx: RequestContext): string | null {
    const { header, query, cookie } = this.#conf;
    const shown = ctx.header(header);
    if (shown !== null) {
      if (this.#hide) ctx.editHeaders().remove(header);
      return /^[Bb]earer /.test(shown) ? shown.slice(7) : shown;
    }
    const argument = findArgument(ctx.query, query);
    if (argument !== undefined) {
      if (this.#hide) hideArgument(ctx, query);
      return argument === true ? "" : argument;
    }
    const cookies = ctx.header("cookie") ?? "";
    const token = findCookie(cookies, cookie);
    if (token === undefined) return null;
    if (this.#hide) ctx.setUpstreamHeader("cookie", withoutCookie(cookies, cookie));
    return token;
  }
}

/** By configuration, which is the same object as long as the consumer does not change. */
const verifiers = new WeakMap<JsonObject, SignatureVerifier | "invalid">();

function verifierOf(conf: JsonObject): SignatureVerifier | null {
  let verifier = verifiers.get(conf);
  if (verifier === undefined) {
    verifier = compileFrom(conf) ?? "invalid";
    verifiers.set(conf, verifier);
  }
  return verifier === "invalid" ? null : verifier;
}

function compileFrom(conf: JsonObject): SignatureVerifier | null {
  const algorithm = algorithmOf(conf);
  const { secret, public_key } = conf;
  if (!algorithm.startsWith("HS")) {
    return typeof public_key === "string" ? compileVerifier(algorithm, public_key) : null;
  }
  if (typeof secret !== "string" || secret === "") return null;
  const key = conf["base64_secret"] === true ? Buffer.from(secret, "base64") : secret;
  return compileVerifier(algorithm, key);
}

function algorithmOf(conf: JsonObject): SignatureAlgorithm {
  // The consumer's schema lets no other text through.
  return (conf["algorithm"] ?? "HS256") as SignatureAlgorithm;
}

function isVerified(jwt: ParsedJwt, conf: JsonObject, claims: readonly string[]): boolean {
  if (jwt.algorithm !== algorithmOf(conf)) return false;
  const verifier = verifierOf(conf);
  if (verifier === null || !verifier(jwt.signed, jwt.signature)) return false;
  const grace = Number(conf["lifetime_grace_period"] ?? 0);
  const now = Math.floor(Date.now() / 1000);
  const required = claims.length > 0;
  return (required ? claims : ["nbf", "exp"]).every((claim) => {
    const value = Object.hasOwn(jwt.payload, claim) ? jwt.payload[claim] : undefined;
    if (value === undefined) return !required;
    if (typeof value !== "number") return false;
    return claim === "exp" ? value > now - grace : value < now + grace;
  });
}
