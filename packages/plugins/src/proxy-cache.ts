import type { Checked, Issue } from "@catena/errors";
import { compileVariable, type Variable } from "@catena/expr";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import {
  type Directives,
  lifetimeOf,
  parseDirectives,
  parseVary,
  secondsOf,
} from "./cache/cache-control.ts";
import { type CachedReply, MemoryCache } from "./cache/memory-cache.ts";
import { definePlugin } from "./define-plugin.ts";
import { namedHeader } from "./headers/named-header.ts";
import { CapturedBytes, watchStream } from "./logs/captured-bytes.ts";
import { readHeader, removeHeader } from "./replies/reply-headers.ts";

const partPattern = "(^[^\\$].+$|^\\$[0-9a-zA-Z_]+$)";

const conditionSchema = (description: string) =>
  Type.Optional(Type.Array(Type.String({ pattern: partPattern }), { minItems: 1, description }));

const schema = Type.Object({
  cache_zone: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      default: "disk_cache_one",
      description: "memory_cache for the strategy memory, disk_cache_one for disk",
    }),
  ),
  cache_strategy: Type.Optional(
    literals(["disk", "memory"], {
      default: "disk",
      description: "how long replies are good for: disk asks the reply, memory cache_ttl",
    }),
  ),
  cache_key: Type.Optional(
    Type.Array(Type.String({ pattern: partPattern }), {
      minItems: 1,
      default: ["$host", "$request_uri"],
      description: "texts and variables that tell replies apart",
    }),
  ),
  cache_http_status: Type.Optional(
    Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
      minItems: 1,
      uniqueItems: true,
      default: [200, 301, 404],
      description: "statuses of replies that are kept",
    }),
  ),
  cache_method: Type.Optional(
    Type.Array(literals(["GET", "POST", "HEAD"]), {
      minItems: 1,
      uniqueItems: true,
      default: ["GET", "HEAD"],
      description: "methods of requests whose replies are kept",
    }),
  ),
  hide_cache_headers: Type.Optional(
    Type.Boolean({ default: false, description: "keep Expires and Cache-Control from clients" }),
  ),
  cache_control: Type.Optional(
    Type.Boolean({ default: false, description: "heed Cache-Control of requests and replies" }),
  ),
  cache_bypass: conditionSchema(
    "requests of which one of these is neither empty nor 0 are passed on",
  ),
  no_cache: conditionSchema("replies of which one of these is neither empty nor 0 are not kept"),
  cache_ttl: Type.Optional(
    Type.Integer({ minimum: 1, default: 300, description: "seconds a reply is kept" }),
  ),
  consumer_isolation: Type.Optional(
    Type.Boolean({ default: true, description: "whether consumers have replies of their own" }),
  ),
  cache_set_cookie: Type.Optional(
    Type.Boolean({ default: false, description: "whether replies that set cookies are kept" }),
  ),
  max_resp_body_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 67_108_864,
      description: "longest body that is kept, in bytes",
    }),
  ),
});

type Conf = Static<typeof schema>;

/**
 * proxy-cache: answers with replies that were given before (apisix/plugins/proxy-cache). Both
 * strategies keep them in memory, 50 MiB in all.
 */
export const proxyCache = definePlugin({
  name: "proxy-cache",
  priority: 1085,
  schema,
  check: (conf) => [...checkZone(conf), ...checkKey(conf), ...compile(conf).issues],
  create: (conf, services) => {
    const { value: plan, issues } = compile(conf);
    if (plan === undefined) return { issues };
    const cache = new ReplyCache(plan, services);
    return {
      value: {
        access: (ctx) => cache.purge(ctx) ?? (plan.isDisk ? undefined : cache.answer(ctx)),
        // nginx looks into its cache when it would call the upstream: after everything else.
        ...(plan.isDisk ? { beforeProxy: (ctx) => cache.answer(ctx) } : {}),
        headerFilter: (ctx, reply) => cache.judge(ctx, reply),
        bodyFilter: (ctx, reply) => cache.keep(ctx, reply),
      },
      issues,
    };
  },
});

/** APISIX's zones, as its configuration has them by default. */
const zones: ReadonlyMap<string, "disk" | "memory"> = new Map([
  ["disk_cache_one", "disk"],
  ["memory_cache", "memory"],
]);

function checkZone({
  cache_zone = "disk_cache_one",
  cache_strategy = "disk",
}: Conf): readonly Issue[] {
  const strategy = zones.get(cache_zone);
  if (strategy === cache_strategy) return [];
  const message =
    strategy === undefined
      ? `cache_zone ${cache_zone} not found`
      : `invalid or empty cache_zone for cache_strategy: ${cache_strategy}`;
  return [{ path: "/cache_zone", code: "CACHE_ZONE", message }];
}

function checkKey({ cache_key = [] }: Conf): readonly Issue[] {
  const at = cache_key.indexOf("$request_method");
  if (at < 0) return [];
  const message = "cache_key variable $request_method unsupported";
  return [{ path: `/cache_key/${at}`, code: "CACHE_KEY", message }];
}

interface Plan {
  readonly key: Parts;
  readonly bypass: Parts | null;
  readonly noCache: Parts | null;
  readonly methods: ReadonlySet<string>;
  readonly statuses: ReadonlySet<number>;
  readonly isDisk: boolean;
  readonly heedsControl: boolean;
  readonly hidesHeaders: boolean;
  readonly isolates: boolean;
  readonly keepsCookies: boolean;
  readonly ttlSeconds: number;
  readonly maxBodyBytes: number;
}

/** Texts and variables that are put together. */
type Parts = readonly (string | Variable)[];

/** What tells consumers apart already. */
const identities = new Set([
  "$consumer_name",
  "$consumer_group_id",
  "$remote_user",
  "$http_authorization",
]);

function compile(conf: Conf): Checked<Plan> {
  const issues: Issue[] = [];
  const parts = (list: readonly string[], name: string): Parts =>
    list.flatMap((text, at): (string | Variable)[] => {
      if (!text.startsWith("$")) return [text];
      if (text === "$remote_user") return [remoteUser];
      const { value, issues: found } = compileVariable(text.slice(1));
      for (const issue of found) issues.push({ ...issue, path: `/${name}/${at}` });
      return value === undefined ? [] : [value];
    });
  const { cache_key = ["$host", "$request_uri"], cache_bypass, no_cache } = conf;
  const plan: Plan = {
    key: parts(cache_key, "cache_key"),
    bypass: cache_bypass === undefined ? null : parts(cache_bypass, "cache_bypass"),
    noCache: no_cache === undefined ? null : parts(no_cache, "no_cache"),
    methods: new Set(conf.cache_method ?? ["GET", "HEAD"]),
    statuses: new Set(conf.cache_http_status ?? [200, 301, 404]),
    isDisk: (conf.cache_strategy ?? "disk") === "disk",
    heedsControl: conf.cache_control ?? false,
    hidesHeaders: conf.hide_cache_headers ?? false,
    isolates: (conf.consumer_isolation ?? true) && !cache_key.some((part) => identities.has(part)),
    keepsCookies: conf.cache_set_cookie ?? false,
    ttlSeconds: conf.cache_ttl ?? 300,
    maxBodyBytes: conf.max_resp_body_size ?? 67_108_864,
  };
  return issues.length > 0 ? { issues } : { value: plan, issues };
}

/** Of the zones `memory_size` of APISIX's configuration. */
const cacheBytes = 50 * 1024 * 1024;

/** Seconds a reply of the strategy disk is good for that does not say (`proxy_cache_valid`). */
const diskSeconds = 10;

/** What nginx looks for in its cache at all (`proxy_cache_methods`). */
const nginxMethods = new Set(["GET", "HEAD", "POST"]);

/** Headers that are no part of a kept reply: of a connection, or of the one client it was for. */
const notKept =
  /^(connection|keep-alive|proxy-authenticate|proxy-authorization|te|trailers?|transfer-encoding|upgrade|content-length|apisix-cache-status|.*ratelimit-remaining.*)$/i;

/** What a miss has to know until its reply is there. */
interface Miss {
  readonly key: string;
  ttlSeconds: number;
  vary: readonly string[];
  headers: readonly string[];
}

class ReplyCache {
  readonly #plan: Plan;
  readonly #cache: MemoryCache;
  readonly #misses = new WeakMap<RequestContext, Miss>();

  constructor(plan: Plan, services: PluginServices) {
    this.#plan = plan;
    // Routes share what is kept, as they share a zone.
    this.#cache = services.survivors.get(
      "proxy-cache",
      "plugins",
      () => new MemoryCache(cacheBytes),
    );
  }

  purge(ctx: RequestContext): GatewayReply | undefined {
    if (ctx.method !== "PURGE") return undefined;
    return statusReply(this.#cache.purge(this.#keyOf(ctx)) ? 200 : 404);
  }

  answer(ctx: RequestContext): GatewayReply | undefined {
    const { methods, bypass, heedsControl, isDisk } = this.#plan;
    const key = this.#keyOf(ctx);
    if (!methods.has(ctx.method)) return this.#passMethod(ctx);
    if (bypass !== null && isSet(render(bypass, ctx))) return told(ctx, "BYPASS");
    const asked = parseDirectives(ctx.header("cache-control"));
    const heeds = heedsControl && !isDisk;
    if (heeds && (asked.has("no-store") || asked.has("no-cache"))) return told(ctx, "BYPASS");
    this.#misses.set(ctx, { key, ttlSeconds: 0, vary: [], headers: [] });
    const found = this.#cache.find(key, (name) => namedHeader(ctx, name) ?? "");
    if (found === null) {
      told(ctx, "MISS");
      return heeds && asked.has("only-if-cached") ? statusReply(504) : undefined;
    }
    const age = Date.now() / 1000 - found.storedAt;
    if (age > found.ttlSeconds) return told(ctx, "EXPIRED");
    if (heeds && isTooOld(asked, age, found.ttlSeconds)) return told(ctx, "STALE");
    this.#misses.delete(ctx);
    return this.#hit(ctx, found, age);
  }

  /** What each strategy says of methods that it does not serve. */
  #passMethod(ctx: RequestContext): undefined {
    if (!this.#plan.isDisk) return told(ctx, "MISS");
    return nginxMethods.has(ctx.method) ? told(ctx, "BYPASS") : undefined;
  }

  /** Decides whether a reply is kept, with the headers that it has at this moment. */
  judge(ctx: RequestContext, reply: GatewayReply): void {
    const miss = this.#misses.get(ctx);
    if (miss === undefined) return;
    const { headers } = reply;
    const directives = parseDirectives(readHeader(headers, "cache-control"));
    const ttlSeconds = this.#lifetimeOf(headers, directives);
    const vary = parseVary(headers);
    if (ttlSeconds > 0 && vary !== null && this.#isKept(ctx, reply, directives)) {
      miss.ttlSeconds = ttlSeconds;
      miss.vary = vary;
      miss.headers = [...headers];
    } else this.#misses.delete(ctx);
    if (this.#plan.hidesHeaders) hideHeaders(headers);
  }

  keep(ctx: RequestContext, reply: GatewayReply): void {
    const miss = this.#misses.get(ctx);
    if (miss === undefined) return;
    this.#misses.delete(ctx);
    const { status, body } = reply;
    if (!(body instanceof ReadableStream)) {
      this.#store(ctx, miss, status, body === null ? new Uint8Array(0) : Buffer.from(body));
      return;
    }
    const arriving = new ArrivingBody(this.#cache, this.#plan.maxBodyBytes);
    reply.body = watchStream(
      body,
      (chunk) => arriving.take(chunk),
      (isWhole) => {
        const bytes = arriving.end();
        if (isWhole && bytes !== null) this.#store(ctx, miss, status, bytes);
      },
    );
  }

  #store(ctx: RequestContext, miss: Miss, status: number, body: Uint8Array): void {
    if (body.byteLength >= this.#plan.maxBodyBytes) return;
    const { key, vary, headers, ttlSeconds } = miss;
    const storedAt = Date.now() / 1000;
    const reply = { status, headers, body, storedAt, ttlSeconds };
    this.#cache.store(key, vary, (name) => namedHeader(ctx, name) ?? "", reply);
  }

  /** The separator is no part of a consumer's name, so nobody can ask for another's replies. */
  #keyOf(ctx: RequestContext): string {
    const key = render(this.#plan.key, ctx);
    if (!this.#plan.isolates) return `\u0002${key}`;
    const identity = ctx.consumer?.name ?? userOf(ctx);
    return identity === "" ? `\u0002${key}` : `${identity}\u0001${key}`;
  }

  #lifetimeOf(headers: readonly string[], directives: Directives): number {
    const { isDisk, heedsControl, ttlSeconds } = this.#plan;
    if (isDisk) return lifetimeOf(headers, directives) ?? diskSeconds;
    return heedsControl ? (lifetimeOf(headers, directives) ?? 0) : ttlSeconds;
  }

  #isKept(ctx: RequestContext, reply: GatewayReply, directives: Directives): boolean {
    const { statuses, noCache, keepsCookies } = this.#plan;
    // The reply to HEAD has no body, and an error of ours is not what the upstream has to say.
    if (ctx.method === "HEAD" || (reply.source === "gateway" && reply.status >= 400)) return false;
    if (!statuses.has(reply.status)) return false;
    if (noCache !== null && isSet(render(noCache, ctx))) return false;
    if (["private", "no-store", "no-cache"].some((name) => directives.has(name))) return false;
    return keepsCookies || readHeader(reply.headers, "set-cookie") === null;
  }

  #hit(ctx: RequestContext, found: CachedReply, age: number): GatewayReply {
    const headers: string[] = [];
    for (let i = 0; i + 1 < found.headers.length; i += 2) {
      const name = found.headers[i] ?? "";
      if (!notKept.test(name)) headers.push(name, found.headers[i + 1] ?? "");
    }
    if (this.#plan.hidesHeaders) hideHeaders(headers);
    removeHeader(headers, "age");
    headers.push("Age", String(Math.floor(age)));
    told(ctx, "HIT");
    return { status: found.status, headers, body: found.body, source: "gateway" };
  }
}

/** A body on its way to the client, put by as far as the memory for such bodies goes. */
class ArrivingBody {
  readonly #cache: MemoryCache;
  readonly #limit: number;
  #captured: CapturedBytes | null;
  #reserved = 0;

  constructor(cache: MemoryCache, limit: number) {
    this.#cache = cache;
    this.#limit = limit;
    this.#captured = new CapturedBytes(limit);
  }

  take(chunk: Uint8Array): void {
    const captured = this.#captured;
    if (captured === null) return;
    const { byteLength } = chunk;
    if (captured.total + byteLength >= this.#limit || !this.#cache.reserve(byteLength)) {
      this.end();
      return;
    }
    this.#reserved += byteLength;
    captured.take(chunk);
  }

  /** All of the body; `null` when it was too long, or too many are on their way. */
  end(): Uint8Array | null {
    const captured = this.#captured;
    this.#captured = null;
    this.#cache.release(this.#reserved);
    this.#reserved = 0;
    return captured?.bytes() ?? null;
  }
}

function told(ctx: RequestContext, status: string): undefined {
  ctx.setReplyHeader("Apisix-Cache-Status", status);
  return undefined;
}

function isTooOld(asked: Directives, age: number, ttlSeconds: number): boolean {
  const maxAge = secondsOf(asked, "max-age");
  const maxStale = secondsOf(asked, "max-stale");
  const minFresh = secondsOf(asked, "min-fresh");
  return (
    (maxAge !== null && age > maxAge) ||
    (maxStale !== null && age - ttlSeconds > maxStale) ||
    (minFresh !== null && ttlSeconds - age < minFresh)
  );
}

function hideHeaders(headers: string[]): void {
  removeHeader(headers, "expires");
  removeHeader(headers, "cache-control");
}

function render(parts: Parts, ctx: RequestContext): string {
  return parts
    .map((part) => {
      const value = typeof part === "string" ? part : part(ctx);
      return value === true ? "" : (value ?? "");
    })
    .join("");
}

function isSet(value: string): boolean {
  return value !== "" && value !== "0";
}

/** Who shows credentials that no plugin here knows: replies to them are for nobody else (RFC 9111 §3.5). */
function userOf(ctx: RequestContext): string {
  const name = remoteUser(ctx);
  if (typeof name === "string") return name;
  const credentials = ctx.header("authorization");
  if (credentials === null) return "";
  return new Bun.CryptoHasher("sha256").update(credentials).digest("base64url");
}

/** Name of Basic credentials, as nginx's `$remote_user`. */
const remoteUser: Variable = (view) => {
  const [, encoded] = /^basic\s+(\S+)$/i.exec(view.header("authorization") ?? "") ?? [];
  if (encoded === undefined) return undefined;
  return Buffer.from(encoded, "base64").toString().split(":")[0];
};
