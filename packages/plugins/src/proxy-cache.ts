import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import {
  type Directives,
  lifetimeOf,
  parseDirectives,
  parseVary,
  secondsOf,
} from "./cache/cache-control.ts";
import { type CachePlan, compileCache, isSet, remoteUser, render } from "./cache/cache-plan.ts";
import { cacheSchema, checkCacheConf } from "./cache/cache-schema.ts";
import { type CachedReply, MemoryCache } from "./cache/memory-cache.ts";
import { definePlugin } from "./define-plugin.ts";
import { namedHeader } from "./headers/named-header.ts";
import { CapturedBytes, watchStream } from "./logs/captured-bytes.ts";
import { readHeader, removeHeader } from "./replies/reply-headers.ts";

/**
 * proxy-cache: answers with replies that were given before (apisix/plugins/proxy-cache). Both
 * strategies keep them in memory, 50 MiB in all.
 */
export const proxyCache = definePlugin({
  name: "proxy-cache",
  priority: 1085,
  schema: cacheSchema,
  check: (conf) => [...checkCacheConf(conf), ...compileCache(conf).issues],
  create: (conf, services) => {
    const { value: plan, issues } = compileCache(conf);
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
  readonly #plan: CachePlan;
  readonly #cache: MemoryCache;
  readonly #misses = new WeakMap<RequestContext, Miss>();

  constructor(plan: CachePlan, services: PluginServices) {
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

/** Who shows credentials that no plugin here knows: replies to them are for nobody else (RFC 9111 §3.5). */
function userOf(ctx: RequestContext): string {
  const name = remoteUser(ctx);
  if (typeof name === "string") return name;
  const credentials = ctx.header("authorization");
  if (credentials === null) return "";
  return new Bun.CryptoHasher("sha256").update(credentials).digest("base64url");
}
