import { createHash } from "node:crypto";
import { findCookie } from "@catena/expr";
import { type GatewayReply, messageReply, type RequestContext } from "@catena/pipeline";
import { isJsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { isSameSecret } from "./auth/same-secret.ts";
import { definePlugin } from "./define-plugin.ts";
import { namedHeader } from "./headers/named-header.ts";
import { checkHeaderName } from "./headers/reserved-headers.ts";

const schema = Type.Object({
  key: Type.String({ description: "what tokens are signed with" }),
  expires: Type.Optional(
    Type.Integer({
      default: 7200,
      description: "seconds a token is good for; 0: for ever",
    }),
  ),
  name: Type.Optional(
    Type.String({ default: "apisix-csrf-token", description: "of the cookie and of the header" }),
  ),
});

type Conf = Required<Static<typeof schema>>;

/**
 * csrf: requests that may change something have to repeat, in a header, the token that was given out
 * in a cookie (apisix/plugins/csrf.lua).
 */
export const csrf = definePlugin({
  name: "csrf",
  priority: 2980,
  schema,
  encryptFields: { plugin: ["key"] },
  check: ({ name = "apisix-csrf-token" }) => checkHeaderName(name, "/name"),
  create: ({ key, expires = 7200, name = "apisix-csrf-token" }) => {
    const conf: Conf = { key, expires, name };
    return {
      value: {
        access: (ctx) => check(conf, ctx),
        headerFilter: (_, reply) => {
          reply.headers.push("Set-Cookie", cookieOf(conf));
        },
      },
      issues: [],
    };
  },
});

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

function check(conf: Conf, ctx: RequestContext): GatewayReply | undefined {
  if (safeMethods.has(ctx.method)) return undefined;
  const shown = namedHeader(ctx, conf.name);
  if (!shown) return refusal("no csrf token in headers");
  const kept = findCookie(ctx.header("cookie") ?? "", conf.name);
  if (kept === undefined) return refusal("no csrf cookie");
  if (shown !== kept) return refusal("csrf token mismatch");
  if (!isGood(conf, kept)) return refusal("Failed to verify the csrf token signature");
  return undefined;
}

function refusal(reason: string): GatewayReply {
  return messageReply(401, { error_msg: reason });
}

function isGood({ key, expires }: Conf, token: string): boolean {
  const content = parse(token);
  if (content === null) return false;
  const { random, expires: issuedAt, sign } = content;
  if (typeof random !== "number" || typeof issuedAt !== "number") return false;
  if (expires > 0 && now() - issuedAt > expires) return false;
  return typeof sign === "string" && isSameSecret(sign, signatureOf(random, issuedAt, key));
}

function parse(token: string): Readonly<Record<string, unknown>> | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(token)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64").toString());
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** `expires` of a token is when it was made: how long it is good for is up to who reads it. */
function cookieOf({ key, expires, name }: Conf): string {
  const random = Number(Math.random().toPrecision(14));
  const issuedAt = now();
  const sign = signatureOf(random, issuedAt, key);
  const token = Buffer.from(JSON.stringify({ random, expires: issuedAt, sign })).toString("base64");
  return `${name}=${token};path=/;SameSite=Lax;Expires=${cookieDate(issuedAt + expires)}`;
}

function signatureOf(random: number, issuedAt: number, key: string): string {
  const text = `{expires:${luaNumber(issuedAt)},random:${luaNumber(random)},key:${key}}`;
  return createHash("sha256").update(text).digest("hex");
}

/** As Lua writes numbers, in 14 digits (`%.14g`), so that tokens of APISIX are good here. */
function luaNumber(value: number): string {
  const [mantissa = "", exponent] = value.toExponential(13).split("e");
  const power = Number(exponent);
  if (power >= -5 + 1 && power < 14) {
    const fixed = value.toFixed(Math.max(0, 13 - power));
    return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
  }
  const sign = power < 0 ? "-" : "+";
  const digits = String(Math.abs(power)).padStart(2, "0");
  return `${mantissa.replace(/\.?0+$/, "")}e${sign}${digits}`;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** `Thu, 18-Nov-27 11:27:35 GMT`, as nginx writes dates in cookies. */
function cookieDate(seconds: number): string {
  const [day, date, month, year = "", time] = new Date(seconds * 1000).toUTCString().split(" ");
  return `${day} ${date}-${month}-${year.slice(2)} ${time} GMT`;
}
