import type { Checked, Issue } from "@catena/errors";
import { compileVariable, type Variable } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import type { CacheConf } from "./cache-schema.ts";

/** A configuration of proxy-cache, made ready. */
export interface CachePlan {
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
export type Parts = readonly (string | Variable)[];

/** What tells consumers apart already. */
const identities = new Set([
  "$consumer_name",
  "$consumer_group_id",
  "$remote_user",
  "$http_authorization",
]);

export function compileCache(conf: CacheConf): Checked<CachePlan> {
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
  const plan: CachePlan = {
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

export function render(parts: Parts, ctx: RequestContext): string {
  return parts
    .map((part) => {
      const value = typeof part === "string" ? part : part(ctx);
      return value === true ? "" : (value ?? "");
    })
    .join("");
}

export function isSet(value: string): boolean {
  return value !== "" && value !== "0";
}

/** Name of Basic credentials, as nginx's `$remote_user`. */
export const remoteUser: Variable = (view) => {
  const [, encoded] = /^basic\s+(\S+)$/i.exec(view.header("authorization") ?? "") ?? [];
  if (encoded === undefined) return undefined;
  return Buffer.from(encoded, "base64").toString().split(":")[0];
};
