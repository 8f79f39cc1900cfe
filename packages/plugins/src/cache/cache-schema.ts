import type { Issue } from "@catena/errors";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";

const partPattern = "(^[^\\$].+$|^\\$[0-9a-zA-Z_]+$)";

const conditionSchema = (description: string) =>
  Type.Optional(Type.Array(Type.String({ pattern: partPattern }), { minItems: 1, description }));

/** Configuration of proxy-cache. */
export const cacheSchema = Type.Object({
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

export type CacheConf = Static<typeof cacheSchema>;

/** What the schema can't say of it. */
export function checkCacheConf(conf: CacheConf): readonly Issue[] {
  return [...checkZone(conf), ...checkKey(conf)];
}

/** APISIX's zones, as its configuration has them by default. */
const zones: ReadonlyMap<string, "disk" | "memory"> = new Map([
  ["disk_cache_one", "disk"],
  ["memory_cache", "memory"],
]);

function checkZone({
  cache_zone = "disk_cache_one",
  cache_strategy = "disk",
}: CacheConf): readonly Issue[] {
  const strategy = zones.get(cache_zone);
  if (strategy === cache_strategy) return [];
  const message =
    strategy === undefined
      ? `cache_zone ${cache_zone} not found`
      : `invalid or empty cache_zone for cache_strategy: ${cache_strategy}`;
  return [{ path: "/cache_zone", code: "CACHE_ZONE", message }];
}

function checkKey({ cache_key = [] }: CacheConf): readonly Issue[] {
  const at = cache_key.indexOf("$request_method");
  if (at < 0) return [];
  const message = "cache_key variable $request_method unsupported";
  return [{ path: `/cache_key/${at}`, code: "CACHE_KEY", message }];
}
