import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { isGatewayError } from "@catena/errors";
import {
  type FoundConsumer,
  type GatewayReply,
  messageReply,
  type PluginServices,
  type RequestContext,
} from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { attachConsumer, type Fallback, fallBack } from "./auth/attach-consumer.ts";
import { parseHttpDate } from "./auth/http-date.ts";
import { anonymousSchema, hideCredentialsSchema, realmSchema } from "./auth/realm.ts";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";
import { namedHeader } from "./headers/named-header.ts";

const algorithms = ["hmac-sha1", "hmac-sha256", "hmac-sha512"] as const;

const schema = Type.Object({
  allowed_algorithms: Type.Optional(
    Type.Array(literals(algorithms), {
      minItems: 1,
      default: [...algorithms],
      description: "algorithms a client may sign with",
    }),
  ),
  clock_skew: Type.Optional(
    Type.Integer({
      default: 300,
      minimum: 1,
      description: "seconds the Date header may be off",
    }),
  ),
  signed_headers: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 50 }), {
      default: ["date"],
      description: "what a signature has to cover",
    }),
  ),
  validate_request_body: Type.Optional(
    Type.Boolean({
      default: false,
      description: "compare the body with the Digest header",
    }),
  ),
  max_req_body_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 67_108_864,
      description: "longest body that is compared, in bytes; longer ones get 413",
    }),
  ),
  hide_credentials: hideCredentialsSchema,
  realm: realmSchema("hmac"),
  anonymous_consumer: anonymousSchema,
});

/**
 * hmac-auth: identifies the consumer by a signature over parts of the request
 * (apisix/plugins/hmac-auth.lua, after the draft "Signing HTTP Messages").
 */
export const hmacAuth = definePlugin({
  name: "hmac-auth",
  priority: 2530,
  type: "auth",
  schema,
  consumerSchema: Type.Object({
    key_id: Type.String({ minLength: 1, maxLength: 256, description: "names the consumer's key" }),
    secret_key: Type.String({ minLength: 1, maxLength: 256, description: "what it signs with" }),
  }),
  encryptFields: { consumer: ["secret_key"] },
  uniqueField: "key_id",
  create: (conf, services) => {
    const gate = new SignatureGate(conf, services);
    return { value: { rewrite: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

/** What an Authorization header says. */
interface Signed {
  readonly keyId: string;
  readonly algorithm: string;
  readonly signature: string;
  /** `null` when it names none. */
  readonly headers: readonly string[] | null;
}

const hidden = "client request can't be validated";

class SignatureGate {
  readonly #allowed: ReadonlySet<string>;
  readonly #skewSeconds: number;
  readonly #required: readonly string[];
  readonly #maxBodyBytes: number | null;
  readonly #hide: boolean;
  readonly #services: PluginServices;
  readonly #fallback: Fallback;

  constructor(conf: Static<typeof schema>, services: PluginServices) {
    this.#allowed = new Set(conf.allowed_algorithms ?? algorithms);
    this.#skewSeconds = conf.clock_skew ?? 300;
    this.#required = conf.signed_headers ?? ["date"];
    this.#maxBodyBytes =
      conf.validate_request_body === true ? (conf.max_req_body_size ?? 67_108_864) : null;
    this.#hide = conf.hide_credentials ?? false;
    this.#services = services;
    this.#fallback = {
      challenge: `hmac realm="${conf.realm ?? "hmac"}"`,
      anonymous: conf.anonymous_consumer,
      plugin: "hmac-auth",
      consumers: services.consumers,
      log: firstOnly(services.log),
    };
  }

  pass(ctx: RequestContext): GatewayReply | undefined | Promise<GatewayReply | undefined> {
    const header = ctx.header("authorization");
    if (header === null) return this.#refuse(ctx, `${hidden}: missing Authorization header`);
    if (!header.startsWith("Signature")) {
      const reason = "Authorization header does not start with 'Signature'";
      return this.#refuse(ctx, `${hidden}: ${reason}`);
    }
    const found = this.#verify(ctx, readSigned(header));
    // What of a signature is wrong helps those who try some, so it is not told.
    if (found === null) return this.#refuse(ctx, hidden);
    if (this.#maxBodyBytes === null) return this.#letIn(ctx, found);
    return this.#checkBody(ctx, found, this.#maxBodyBytes);
  }

  #verify(ctx: RequestContext, signed: Signed | null): FoundConsumer | null {
    if (signed === null || !this.#allowed.has(signed.algorithm)) return null;
    const found = this.#services.consumers.find("hmac-auth", signed.keyId);
    const date = ctx.header("date");
    if (date === null || !this.#isNow(date)) return null;
    if (this.#required.some((name) => signed.headers?.includes(name) !== true)) return null;
    const secret = found?.conf["secret_key"];
    if (found === null || typeof secret !== "string") return null;
    const given = Buffer.from(signed.signature, "base64");
    const digest = signed.algorithm.slice("hmac-".length);
    // APISIX signs the normalised target; a client knows only the one it sends.
    const targets = new Set([
      `${ctx.path}${ctx.query === "" ? "" : `?${ctx.query}`}`,
      ctx.rawTarget,
    ]);
    for (const target of targets) {
      const expected = createHmac(digest, secret)
        .update(textOf(ctx, signed, target))
        .digest();
      if (given.length === expected.length && timingSafeEqual(given, expected)) return found;
    }
    return null;
  }

  #isNow(date: string): boolean {
    const at = parseHttpDate(date);
    return at !== null && Math.abs(Math.floor(Date.now() / 1000) - at) <= this.#skewSeconds;
  }

  async #checkBody(
    ctx: RequestContext,
    found: FoundConsumer,
    maxBytes: number,
  ): Promise<GatewayReply | undefined> {
    const digest = ctx.header("digest");
    if (digest === null) return this.#refuse(ctx, hidden);
    let bytes: Uint8Array;
    try {
      bytes = await ctx.bodyBytes(maxBytes);
    } catch (error) {
      if (!isGatewayError(error, "REQUEST_TOO_LARGE")) throw error;
      return messageReply(413, { message: error.message });
    }
    const expected = `SHA-256=${createHash("sha256").update(bytes).digest("base64")}`;
    return digest === expected ? this.#letIn(ctx, found) : this.#refuse(ctx, hidden);
  }

  #letIn(ctx: RequestContext, found: FoundConsumer): undefined {
    if (this.#hide) hideSignature(ctx);
    attachConsumer(ctx, found.consumer);
    return undefined;
  }

  #refuse(ctx: RequestContext, reason: string): GatewayReply | undefined {
    return fallBack(ctx, this.#fallback, reason, this.#hide ? hideSignature : null);
  }
}

function hideSignature(ctx: RequestContext): void {
  ctx.editHeaders().remove("authorization");
}

/** `Signature keyId="…",algorithm="…",headers="a b",signature="…"`; `null` when a part is missing. */
function readSigned(header: string): Signed | null {
  const fields = new Map<string, string>();
  for (const field of header.slice("Signature".length).split(",")) {
    const [, name, value] = /(\w+)="([^"]*)"/.exec(field) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, value);
  }
  const keyId = fields.get("keyId");
  const signature = fields.get("signature");
  const algorithm = fields.get("algorithm");
  if (keyId === undefined || signature === undefined || algorithm === undefined) return null;
  return { keyId, signature, algorithm, headers: fields.get("headers")?.split(" ") ?? null };
}

/** What is signed: a line for the key and one for each header that the request has. */
function textOf(ctx: RequestContext, { keyId, headers }: Signed, target: string): string {
  const lines = [keyId];
  for (const name of headers ?? []) {
    const value = namedHeader(ctx, name);
    if (value !== null) lines.push(`${name}: ${value}`);
    else if (name === "@request-target") lines.push(`${ctx.method} ${target}`);
  }
  return `${lines.join("\n")}\n`;
}
