import { createDecipheriv } from "node:crypto";
import type { Issue } from "@catena/errors";
import {
  type GatewayReply,
  messageReply,
  type PluginServices,
  type RequestContext,
} from "@catena/pipeline";
import { isJsonObject, isSecretReference, type JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { namedHeader } from "./headers/named-header.ts";
import { checkUpstreamHeader } from "./headers/reserved-headers.ts";

const schema = Type.Object({
  header: Type.String({ default: "Authorization", description: "header with the token" }),
  forward_header: Type.String({
    default: "Authorization",
    description: "header in which the upstream gets what was in the token",
  }),
  strict: Type.Optional(
    Type.Boolean({ default: true, description: "whether requests without a token are refused" }),
  ),
});

/**
 * jwe-decrypt: decrypts a token (RFC 7516, compact form, direct encryption with A256GCM) with the secret
 * of the consumer that its `kid` names, for the upstream (apisix/plugins/jwe-decrypt.lua). It identifies
 * nobody.
 */
export const jweDecrypt = definePlugin({
  name: "jwe-decrypt",
  priority: 2509,
  type: "auth",
  schema,
  consumerSchema: Type.Object({
    key: Type.String({ description: "kid of tokens" }),
    secret: Type.String({ description: "32 bytes that tokens are encrypted with" }),
    is_base64_encoded: Type.Optional(
      Type.Boolean({ description: "whether secret is written in base64url" }),
    ),
  }),
  encryptFields: { consumer: ["key", "secret"] },
  uniqueField: "key",
  check: ({ forward_header }) => checkUpstreamHeader(forward_header, "/forward_header"),
  checkConsumer: checkSecret,
  create: (conf, services) => ({
    value: { rewrite: (ctx) => decrypt(conf, services, ctx) },
    issues: [],
  }),
});

const secretBytes = 32;

function checkSecret({ secret, is_base64_encoded }: JsonObject): readonly Issue[] {
  if (typeof secret !== "string" || isSecretReference(secret)) return [];
  const isEncoded = is_base64_encoded === true;
  if (keyOf(secret, isEncoded).byteLength === secretBytes) return [];
  const message = isEncoded
    ? "the secret length after base64 decode should be 32 chars"
    : "the secret length should be 32 chars";
  return [{ path: "/secret", code: "SECRET_LENGTH", message }];
}

function keyOf(secret: string, isEncoded: boolean): Uint8Array {
  return isEncoded ? Buffer.from(secret, "base64url") : Buffer.from(secret);
}

function decrypt(
  { header, forward_header, strict = true }: Static<typeof schema>,
  { consumers }: PluginServices,
  ctx: RequestContext,
): GatewayReply | undefined {
  const shown = namedHeader(ctx, header);
  if (shown === null) {
    return strict ? messageReply(403, { message: "missing JWE token in request" }) : undefined;
  }
  const token = parseToken(/^[Bb]earer /.test(shown) ? shown.slice(7) : shown);
  if (token === null) return invalid("JWE token invalid");
  const { kid } = token.header;
  if (kid === undefined || kid === null || kid === "") return invalid("missing kid in JWE token");
  const found = typeof kid === "string" ? consumers.find("jwe-decrypt", kid) : null;
  const secret = found?.conf["secret"];
  if (found === null || typeof secret !== "string") return invalid("invalid kid in JWE token");
  const text = open(token, keyOf(secret, found.conf["is_base64_encoded"] === true));
  if (text === null) return invalid("failed to decrypt JWE token");
  ctx.setUpstreamHeader(forward_header, toHeaderValue(text));
  return undefined;
}

function invalid(message: string): GatewayReply {
  return messageReply(400, { message });
}

interface Token {
  readonly header: JsonObject;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

function parseToken(token: string): Token | null {
  const parts = token.split(".");
  const [header = "", , iv = "", ciphertext = "", tag = ""] = parts;
  if (parts.length !== 5 || parts.some((part) => !/^[A-Za-z0-9_-]*=*$/.test(part))) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    if (!isJsonObject(parsed)) return null;
    return {
      header: parsed,
      iv: Buffer.from(iv, "base64url"),
      ciphertext: Buffer.from(ciphertext, "base64url"),
      tag: Buffer.from(tag, "base64url"),
    };
  } catch {
    return null;
  }
}

/** `null` when it was encrypted with another key, or changed since. */
function open({ iv, ciphertext, tag }: Token, key: Uint8Array): string | null {
  // A shorter tag is easier to forge (NIST SP 800-38D, appendix C).
  if (tag.byteLength !== 16 || iv.byteLength === 0 || key.byteLength !== secretBytes) return null;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, iv);
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
  } catch {
    return null;
  }
}
