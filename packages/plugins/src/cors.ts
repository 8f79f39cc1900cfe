import type { Checked, Issue } from "@catena/errors";
import type { Pattern } from "@catena/expr";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  textReply,
} from "@catena/pipeline";
import { isJsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { compilePatterns, isAnyFound } from "./conditions/patterns.ts";
import { definePlugin } from "./define-plugin.ts";
import { setHeader } from "./replies/reply-headers.ts";

const origins = "^(\\*|\\*\\*|null|\\w+://[^,]+(,\\w+://[^,]+)*)$";

const textsSchema = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
      minItems: 1,
      uniqueItems: true,
      description,
    }),
  );

const schema = Type.Object({
  allow_origins: Type.Optional(
    Type.String({
      pattern: origins,
      default: "*",
      description: "origins separated by commas; * for all, ** for all even with credentials",
    }),
  ),
  allow_methods: Type.Optional(
    Type.String({ default: "*", description: "methods separated by commas, * or **" }),
  ),
  allow_headers: Type.Optional(
    Type.String({
      default: "*",
      description: "request headers separated by commas, * or ** for those that are asked for",
    }),
  ),
  expose_headers: Type.Optional(
    Type.String({ description: "reply headers that scripts may read, separated by commas" }),
  ),
  max_age: Type.Optional(
    Type.Integer({ default: 5, description: "seconds a browser may remember the answer; -1: not" }),
  ),
  allow_credential: Type.Optional(
    Type.Boolean({ default: false, description: "whether requests may carry credentials" }),
  ),
  allow_origins_by_regex: textsSchema("patterns of origins, which alone decide then"),
  allow_origins_by_metadata: textsSchema("names of lists of origins in the plugin's metadata"),
  timing_allow_origins: Type.Optional(
    Type.String({ pattern: origins, description: "origins that may see timings" }),
  ),
  timing_allow_origins_by_regex: textsSchema("patterns of origins that may see timings"),
});

const metadataSchema = Type.Object({
  allow_origins: Type.Optional(
    Type.Unsafe<Readonly<Record<string, string>>>(
      Type.Object({}, { additionalProperties: Type.String({ pattern: origins }) }),
    ),
  ),
});

type Conf = Static<typeof schema>;

/**
 * cors: answers preflight requests, and says which origins may read replies
 * (apisix/plugins/cors.lua). Every OPTIONS request is answered here.
 */
export const cors = definePlugin({
  name: "cors",
  priority: 4000,
  schema,
  metadataSchema,
  check: (conf) => [...checkCredentials(conf), ...compile(conf).issues],
  create: (conf, services) => {
    const { value: rules, issues } = compile(conf);
    if (rules === undefined) return { issues };
    return {
      value: {
        rewrite: (ctx) => (ctx.method === "OPTIONS" ? textReply(200, "") : undefined),
        headerFilter: (ctx, reply) => share(rules, services, ctx, reply),
      },
      issues,
    };
  },
});

function checkCredentials(conf: Conf): readonly Issue[] {
  if (conf.allow_credential !== true) return [];
  const { allow_origins = "*", allow_methods = "*", allow_headers = "*" } = conf;
  const values = { allow_origins, allow_methods, allow_headers };
  const all = { ...values, expose_headers: conf.expose_headers, timing: conf.timing_allow_origins };
  if (!Object.values(all).includes("*")) return [];
  const message = "you can not set '*' for other option when 'allow_credential' is true";
  return [{ path: "/allow_credential", code: "CORS_INVALID", message }];
}

/** Which origins are allowed: by patterns, or by a list (`*` and `**` among its forms). */
interface OriginRule {
  readonly patterns: readonly Pattern[] | null;
  readonly list: OriginList;
}

type OriginList =
  | { readonly kind: "any" }
  | { readonly kind: "echo" }
  | { readonly kind: "listed"; readonly origins: ReadonlySet<string> };

interface Rules {
  readonly origins: OriginRule;
  readonly isOpen: boolean;
  readonly metadataKeys: readonly string[] | null;
  readonly timing: OriginRule | null;
  readonly methods: string;
  readonly headers: string;
  readonly expose: string;
  readonly maxAge: string;
  readonly withCredentials: boolean;
}

function compile(conf: Conf): Checked<Rules> {
  const patterns = compileOrigins(conf.allow_origins_by_regex, "/allow_origins_by_regex");
  const timing = compileOrigins(
    conf.timing_allow_origins_by_regex,
    "/timing_allow_origins_by_regex",
  );
  const issues = [...patterns.issues, ...timing.issues];
  if (patterns.value === undefined || timing.value === undefined) return { issues };
  const { allow_origins = "*", allow_methods = "*", timing_allow_origins } = conf;
  const hasTiming = timing.value !== null || timing_allow_origins !== undefined;
  return {
    value: {
      origins: { patterns: patterns.value, list: compileList(allow_origins) },
      isOpen: allow_origins === "*",
      metadataKeys: conf.allow_origins_by_metadata ?? null,
      timing: hasTiming
        ? { patterns: timing.value, list: compileList(timing_allow_origins ?? "") }
        : null,
      methods:
        allow_methods === "**"
          ? "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE"
          : allow_methods,
      headers: conf.allow_headers ?? "*",
      expose: conf.expose_headers ?? "",
      maxAge: String(conf.max_age ?? 5),
      withCredentials: conf.allow_credential ?? false,
    },
    issues,
  };
}

function compileList(origins: string): OriginList {
  if (origins === "*") return { kind: "any" };
  if (origins === "**") return { kind: "echo" };
  return { kind: "listed", origins: new Set(origins.split(",")) };
}

function compileOrigins(
  sources: readonly string[] | undefined,
  path: string,
): Checked<readonly Pattern[] | null> {
  return sources === undefined ? { value: null, issues: [] } : compilePatterns(sources, path);
}

function share(
  rules: Rules,
  services: PluginServices,
  ctx: RequestContext,
  reply: GatewayReply,
): void {
  // The client's own: plugins may have changed what the upstream sees.
  const origin = ctx.request.header("origin");
  if (!rules.isOpen) reply.headers.push("Vary", "Origin");
  const allowed = allowedOrigin(rules, services, origin);
  if (allowed !== null) setSharingHeaders(rules, ctx, reply, allowed);
  const timing = rules.timing === null ? null : decide(rules.timing, origin);
  if (timing !== null) setHeader(reply.headers, "Timing-Allow-Origin", timing);
}

/** What to allow: the client's origin or `*`; `null` when it is not allowed. */
function allowedOrigin(
  rules: Rules,
  services: PluginServices,
  origin: string | null,
): string | null {
  const { metadataKeys } = rules;
  if (metadataKeys === null) return decide(rules.origins, origin);
  const listed = allowedByMetadata(metadataKeys, services, origin);
  if (listed !== null || rules.isOpen) return listed;
  return decide(rules.origins, origin);
}

function allowedByMetadata(
  keys: readonly string[],
  services: PluginServices,
  origin: string | null,
): string | null {
  const lists = services.metadata("cors")?.["allow_origins"];
  if (origin === null || !isJsonObject(lists)) return null;
  for (const key of keys) {
    const list = Object.hasOwn(lists, key) ? lists[key] : undefined;
    if (typeof list !== "string") continue;
    if (decide({ patterns: null, list: compileList(list) }, origin) !== null) return origin;
  }
  return null;
}

function decide({ patterns, list }: OriginRule, origin: string | null): string | null {
  if (patterns !== null) {
    return origin !== null && isAnyFound(patterns, origin) ? origin : null;
  }
  switch (list.kind) {
    case "any":
      return "*";
    case "echo":
      return origin ?? "*";
    case "listed":
      return origin !== null && list.origins.has(origin) ? origin : null;
  }
}

function setSharingHeaders(
  rules: Rules,
  ctx: RequestContext,
  { headers }: GatewayReply,
  allowed: string,
): void {
  setHeader(headers, "Access-Control-Allow-Origin", allowed);
  setHeader(headers, "Access-Control-Allow-Methods", rules.methods);
  setHeader(headers, "Access-Control-Max-Age", rules.maxAge);
  if (rules.expose !== "") setHeader(headers, "Access-Control-Expose-Headers", rules.expose);
  const asked =
    rules.headers === "**" ? ctx.header("access-control-request-headers") : rules.headers;
  if (asked !== null) setHeader(headers, "Access-Control-Allow-Headers", asked);
  if (rules.withCredentials) setHeader(headers, "Access-Control-Allow-Credentials", "true");
}
