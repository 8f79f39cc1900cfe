import type { Checked, Issue } from "@catena/errors";
import type { JsonLimits } from "@catena/json";
import type { ChainTarget, TargetResolver } from "../chain-request.ts";
import { type ChainLimits, DEFAULT_LIMITS } from "../limits.ts";
import type { ClassicServiceConf, ProxyChainClassic } from "./classic-conf.ts";

/** A classic chain made ready: everything that does not depend on a request is decided. */
export interface ClassicChain {
  readonly services: readonly ClassicService[];
  /** In lower case; `null`: the token comes from `Authorization`. */
  readonly tokenHeader: string | null;
  readonly deadlineMs: number;
  readonly literalErrors: boolean;
  readonly limits: ChainLimits;
  readonly jsonLimits: JsonLimits;
}

export interface ClassicService {
  /** Names the service towards the client. */
  readonly label: string;
  readonly uri: string;
  readonly target: ChainTarget;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly sendsBody: boolean;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
}

export interface ClassicOptions {
  readonly targets: TargetResolver;
  readonly limits?: Partial<ChainLimits>;
}

const BODY_METHODS = new Set(["POST", "PUT"]);

/**
 * Compiles a classic `proxy-chain` once per snapshot.
 *
 * @returns no value when a service's `uri` is not an absolute `http(s)` URL (the Lua plugin accepts
 *   any text and fails per request) or a target does not exist.
 */
export function compileClassic(
  conf: ProxyChainClassic,
  options: ClassicOptions,
): Checked<ClassicChain> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const issues: Issue[] = [];
  const services: ClassicService[] = [];
  for (const [index, service] of conf.services.entries()) {
    const compiled = compileService(service, index, options.targets, limits, issues);
    if (compiled !== null) services.push(compiled);
  }
  if (conf.services.length === 0)
    issues.push({ path: "/services", code: "CHAIN_EMPTY", message: "there is no service to call" });
  if (issues.length > 0) return { issues };
  const header = conf.token_header?.toLowerCase() ?? "authorization";
  return {
    issues,
    value: {
      services,
      tokenHeader: header === "authorization" ? null : header,
      deadlineMs: conf.deadline ?? limits.deadlineMs,
      literalErrors: conf.error_bodies === "literal",
      limits,
      jsonLimits: { maxDepth: limits.jsonDepth },
    },
  };
}

function compileService(
  conf: ClassicServiceConf,
  index: number,
  targets: TargetResolver,
  limits: ChainLimits,
  issues: Issue[],
): ClassicService | null {
  const path = `/services/${index}`;
  const url = parseServiceUrl(conf.uri);
  if (typeof url === "string") {
    issues.push({
      path: `${path}/uri`,
      code: "CHAIN_URI_INVALID",
      message: `the uri ${url}`,
      expected: "http://host[:port]/path",
    });
    return null;
  }
  const target =
    conf.upstream_id === undefined
      ? targets.uri(url.origin)
      : targets.upstream(String(conf.upstream_id));
  if (target === null) {
    const missing = conf.upstream_id === undefined;
    issues.push({
      path: `${path}/${missing ? "uri" : "upstream_id"}`,
      code: "CHAIN_TARGET_MISSING",
      message: missing ? "the uri cannot be called" : `no upstream "${conf.upstream_id}"`,
    });
    return null;
  }
  const method = conf.method ?? "POST";
  return {
    label: conf.name ?? `services[${index}]`,
    uri: conf.uri,
    target,
    method,
    path: url.pathname + url.search,
    sendsBody: BODY_METHODS.has(method) || conf.send_body === true,
    idempotent: method !== "POST",
    timeoutMs: conf.timeout ?? limits.timeoutMs,
  };
}

/** @returns what is wrong with it, to follow "the uri", when it is not usable. */
function parseServiceUrl(uri: string): URL | string {
  if (!URL.canParse(uri)) return "is not an absolute URL";
  const url = new URL(uri);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "is neither http nor https";
  // Credentials in a URL end up in logs and dumps; `Authorization` is the token's place.
  if (url.username !== "" || url.password !== "") return "holds credentials";
  return url;
}
