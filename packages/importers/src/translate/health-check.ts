import type { HealthCheck } from "@catena/schema";
import type { CrdHealthCheck } from "../crd/apisix-upstream.ts";
import { durationSeconds } from "../go-duration.ts";

type Active = NonNullable<CrdHealthCheck["active"]>;
type Passive = NonNullable<CrdHealthCheck["passive"]>;
type Unhealthy = NonNullable<Active["unhealthy"]>;
type Healthy = NonNullable<Active["healthy"]>;

/** Turns `healthCheck` into `checks`; passive checks alone cannot be stored (the schema says so). */
export function translateHealthCheck({ active, passive }: CrdHealthCheck): HealthCheck {
  return {
    ...(active === undefined ? {} : { active: activeCheck(active) }),
    ...(passive === undefined ? {} : { passive: passiveCheck(passive) }),
  };
}

function activeCheck(check: Active): NonNullable<HealthCheck["active"]> {
  return {
    ...defined({
      type: check.type,
      timeout: check.timeout === undefined ? undefined : secondsOf(check.timeout),
      concurrency: check.concurrency,
      host: check.host,
      port: check.port,
      http_path: check.httpPath,
      req_headers: check.requestHeaders,
    }),
    https_verify_certificate: check.strictTLS !== false,
    ...(check.healthy === undefined
      ? {}
      : { healthy: { ...healthy(check.healthy), ...interval(check.healthy) } }),
    ...(check.unhealthy === undefined
      ? {}
      : { unhealthy: { ...unhealthy(check.unhealthy), ...interval(check.unhealthy) } }),
  };
}

function passiveCheck(check: Passive): NonNullable<HealthCheck["passive"]> {
  return {
    ...defined({ type: check.type }),
    ...(check.healthy === undefined ? {} : { healthy: healthy(check.healthy) }),
    ...(check.unhealthy === undefined ? {} : { unhealthy: unhealthy(check.unhealthy) }),
  };
}

function healthy({ httpCodes, successes }: Omit<Healthy, "interval">) {
  return defined({ http_statuses: httpCodes, successes });
}

function unhealthy({ httpCodes, httpFailures, tcpFailures, timeout }: Omit<Unhealthy, "interval">) {
  return defined({
    http_statuses: httpCodes,
    http_failures: httpFailures,
    tcp_failures: tcpFailures,
    timeouts: timeout,
  });
}

function interval({ interval: duration }: Pick<Healthy, "interval">) {
  return duration === undefined ? {} : { interval: durationSeconds(duration) };
}

/** A Go `time.Duration` in JSON is a number of nanoseconds, or text where the field reads text. */
function secondsOf(timeout: number | string): number {
  return typeof timeout === "number" ? timeout / 1e9 : durationSeconds(timeout);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: an absent member and an undefined one differ in stored JSON. */
export function defined<T extends object>(object: T): Defined<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  // Exactly the members that are not undefined are left.
  return Object.fromEntries(entries) as Defined<T>;
}
