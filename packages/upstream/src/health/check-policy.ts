import type { Issue } from "@catena/errors";
import { NOT_TOKEN, NOT_VALUE } from "@catena/http";
import type { HealthCheck } from "@catena/schema";

export type CheckType = "http" | "https" | "tcp";

/** How many failures in a row take a node out, by kind; 0 for never. */
export interface FailureLimits {
  readonly http: number;
  readonly tcp: number;
  readonly timeout: number;
}

/** What probes do and how their outcomes count. */
export interface ActivePolicy {
  readonly type: CheckType;
  /** For connecting, sending and waiting for the status each. */
  readonly timeoutMs: number;
  /** Probes of one round under way at a time. */
  readonly concurrency: number;
  /** Host header and server name; `null` for the node's own. */
  readonly host: string | null;
  /** `null` for the node's own. */
  readonly port: number | null;
  readonly method: string;
  readonly target: string;
  readonly body: string | null;
  /** Flat list; may hold a `Host`, which then wins. */
  readonly headers: readonly string[];
  readonly verify: boolean;
  /** Milliseconds between probes of nodes that are up; 0 for none. */
  readonly healthyIntervalMs: number;
  /** Milliseconds between probes of nodes that are down; 0 for none. */
  readonly unhealthyIntervalMs: number;
  readonly healthyStatuses: ReadonlySet<number>;
  readonly unhealthyStatuses: ReadonlySet<number>;
  /** Successes in a row that bring a node back. */
  readonly successes: number;
  readonly limits: FailureLimits;
}

/** How the outcomes of real requests count. */
export interface PassivePolicy {
  /** `false`: only failed tries that are followed by another count (apisix/balancer.lua). */
  readonly isConfigured: boolean;
  readonly healthyStatuses: ReadonlySet<number>;
  readonly unhealthyStatuses: ReadonlySet<number>;
  readonly successes: number;
  readonly limits: FailureLimits;
}

export interface CheckPolicy {
  /** As configured; two policies with equal text are equal. */
  readonly source: string;
  readonly active: ActivePolicy;
  readonly passive: PassivePolicy;
}

const NO_STATUSES: ReadonlySet<number> = new Set();
const PASSIVE_HEALTHY = [
  200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
];

/**
 * Compiles the `checks` of an upstream. Defaults are those of apisix/schema_def.lua for what is
 * configured in part, and those of lua-resty-healthcheck for what is not configured at all: without
 * `active.healthy` nodes that are up are not probed, without `active.unhealthy` those that are down.
 *
 * @param issues gets the `req_headers` that are no header lines; they are left out.
 */
export function compileChecks(checks: HealthCheck, issues: Issue[]): CheckPolicy {
  return {
    source: JSON.stringify(checks),
    active: compileActive(checks.active ?? {}, issues),
    passive: compilePassive(checks.passive),
  };
}

type ActiveConf = NonNullable<HealthCheck["active"]>;

function compileActive(active: ActiveConf, issues: Issue[]): ActivePolicy {
  const { healthy, unhealthy } = active;
  return {
    type: active.type ?? "http",
    timeoutMs: (active.timeout ?? 1) * 1000,
    concurrency: Math.max(1, active.concurrency ?? 10),
    host: active.host ?? null,
    port: active.port ?? null,
    method: active.http_method ?? "GET",
    target: toTarget(active.http_path ?? "/"),
    body: (active.http_req_body ?? "") === "" ? null : (active.http_req_body ?? null),
    headers: parseHeaders(active.req_headers ?? [], issues),
    verify: active.https_verify_certificate ?? true,
    healthyIntervalMs: healthy === undefined ? 0 : (healthy.interval ?? 1) * 1000,
    unhealthyIntervalMs: unhealthy === undefined ? 0 : (unhealthy.interval ?? 1) * 1000,
    healthyStatuses: new Set(healthy?.http_statuses ?? [200, 302]),
    unhealthyStatuses: new Set(
      unhealthy?.http_statuses ?? [429, 404, 500, 501, 502, 503, 504, 505],
    ),
    successes: healthy?.successes ?? 2,
    limits: {
      http: unhealthy?.http_failures ?? 5,
      tcp: unhealthy?.tcp_failures ?? 2,
      timeout: unhealthy?.timeouts ?? 3,
    },
  };
}

function compilePassive(passive: HealthCheck["passive"]): PassivePolicy {
  const { healthy, unhealthy } = passive ?? {};
  return {
    isConfigured: passive !== undefined,
    // A side that is not configured does not judge statuses at all (apisix/init.lua).
    healthyStatuses:
      healthy === undefined ? NO_STATUSES : new Set(healthy.http_statuses ?? PASSIVE_HEALTHY),
    unhealthyStatuses:
      unhealthy === undefined ? NO_STATUSES : new Set(unhealthy.http_statuses ?? [429, 500, 503]),
    successes: healthy?.successes ?? 5,
    limits: {
      http: unhealthy?.http_failures ?? 5,
      tcp: unhealthy?.tcp_failures ?? 2,
      timeout: unhealthy?.timeouts ?? 7,
    },
  };
}

/** A path as a request can carry it: rooted, and with what is not allowed there percent-encoded. */
function toTarget(path: string): string {
  const rooted = path.startsWith("/") ? path : `/${path}`;
  return rooted.replace(/[^\x21\x22\x24-\x7e]+/g, (text) =>
    encodeURIComponent(text.toWellFormed()),
  );
}

/** Written by the transport; a second one would make the probe unreadable. */
const FRAMING = new Set(["connection", "content-length", "transfer-encoding"]);

function parseHeaders(lines: readonly string[], issues: Issue[]): readonly string[] {
  return lines.flatMap((line, index) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).trim();
    if (name !== "" && !NOT_TOKEN.test(name) && !NOT_VALUE.test(value))
      return FRAMING.has(name.toLowerCase()) ? [] : [name, value];
    issues.push({
      path: `/checks/active/req_headers/${index}`,
      code: "UPSTREAM_CHECK_HEADER",
      message: "not a header line, left out of the probes",
      expected: "Name: value",
    });
    return [];
  });
}
