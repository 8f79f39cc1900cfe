import type { GatewayReply, RequestContext } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { gzipBody } from "./replies/gzip-body.ts";
import { readHeader, removeHeader, setHeader } from "./replies/reply-headers.ts";

const schema = Type.Object({
  types: Type.Optional(
    Type.Unsafe<readonly string[] | "*">(
      Type.Unknown({
        anyOf: [
          { type: "array", minItems: 1, items: { type: "string", minLength: 1 } },
          { enum: ["*"] },
        ],
        default: ["text/html"],
        description: "content types that are compressed; * for all",
      }),
    ),
  ),
  min_length: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 20,
      description: "bytes from which on a body of known length is compressed",
    }),
  ),
  comp_level: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 9, default: 1, description: "1 is fast, 9 is small" }),
  ),
  http_version: Type.Optional(
    Type.Unsafe<1 | 1.1>(
      Type.Unknown({ enum: [1.1, 1], default: 1.1, description: "without effect" }),
    ),
  ),
  buffers: Type.Optional(
    Type.Object(
      {
        number: Type.Optional(
          Type.Integer({ minimum: 1, default: 32, description: "without effect" }),
        ),
        size: Type.Optional(
          Type.Integer({ minimum: 1, default: 4096, description: "without effect" }),
        ),
      },
      { default: { number: 32, size: 4096 } },
    ),
  ),
  vary: Type.Optional(
    Type.Boolean({ description: "tell caches that replies differ by Accept-Encoding" }),
  ),
});

/**
 * gzip: compresses replies for clients that take it (apisix/plugins/gzip.lua; nginx
 * ngx_http_gzip_filter_module), after all else that is done to their bodies.
 */
export const gzip = definePlugin({
  name: "gzip",
  priority: 995,
  schema,
  create: (conf) => {
    const rules = compile(conf);
    return { value: { bodyFilter: (ctx, reply) => compress(rules, ctx, reply) }, issues: [] };
  },
});

interface Rules {
  /** `null`: all. */
  readonly types: ReadonlySet<string> | null;
  readonly minLength: number;
  readonly level: number;
  readonly varies: boolean;
}

function compile(conf: Static<typeof schema>): Rules {
  const { types = ["text/html"] } = conf;
  return {
    types: types === "*" ? null : new Set(types.map((type) => type.toLowerCase())),
    minLength: conf.min_length ?? 20,
    level: conf.comp_level ?? 1,
    varies: conf.vary ?? false,
  };
}

function compress(rules: Rules, ctx: RequestContext, reply: GatewayReply): void {
  const { headers } = reply;
  if (!isCompressible(rules, reply)) return;
  if (rules.varies) headers.push("Vary", "Accept-Encoding");
  // nginx compresses nothing for a proxy unless it is told to (gzip_proxied).
  if (!takesGzip(ctx.request.header("accept-encoding")) || ctx.header("via") !== null) return;
  const isEvents = baseType(headers) === "text/event-stream";
  reply.body = gzipBody(reply.body, { level: rules.level, flushes: isEvents });
  removeHeader(headers, "content-length");
  removeHeader(headers, "accept-ranges");
  setHeader(headers, "Content-Encoding", "gzip");
  const etag = readHeader(headers, "etag");
  // Two encodings are not the same byte for byte (RFC 9110 §8.8.3).
  if (etag?.startsWith('"') === true) setHeader(headers, "etag", `W/${etag}`);
}

function isCompressible(rules: Rules, { status, headers, body }: GatewayReply): boolean {
  if (body === null || (status !== 200 && status !== 403 && status !== 404)) return false;
  if (readHeader(headers, "content-encoding") !== null) return false;
  if (rules.types !== null && !rules.types.has(baseType(headers))) return false;
  return (knownLength(headers, body) ?? rules.minLength) >= rules.minLength;
}

function baseType(headers: readonly string[]): string {
  const [base = ""] = (readHeader(headers, "content-type") ?? "").split(";");
  return base.trim().toLowerCase();
}

function knownLength(headers: readonly string[], body: GatewayReply["body"]): number | null {
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  const declared = readHeader(headers, "content-length");
  return declared === null ? null : Number(declared);
}

/** Whether gzip is among the encodings and not given a weight of nothing (RFC 9110 §12.5.3). */
function takesGzip(accepted: string | null): boolean {
  for (const entry of (accepted ?? "").split(",")) {
    const [coding = "", ...parameters] = entry.split(";").map((text) => text.trim().toLowerCase());
    if (coding === "gzip") return !parameters.some((text) => /^q=0(\.0*)?$/.test(text));
  }
  return false;
}
