import { isIP } from "node:net";
import type { Checked, Issue } from "@catena/errors";
import type { Timeout, Upstream } from "@catena/schema";
import type { Balancer } from "./balancers/balancer.ts";
import { createBalancer } from "./balancers/registry.ts";
import { makeOrigin, type Node, type OriginSettings } from "./node.ts";
import type { Resolver } from "./resolver.ts";
import type { CallTimeouts } from "./transport/transport.ts";

/** An upstream made ready for calls; immutable but for its balancer's state. */
export interface UpstreamPlan {
  readonly nodes: readonly Node[];
  readonly balancer: Balancer;
  readonly origins: OriginSettings;
  /** Further tries after the first. */
  readonly retries: number;
  /** Milliseconds after which no further try is begun; `Infinity` for no bound. */
  readonly retryTimeoutMs: number;
  readonly timeouts: CallTimeouts;
  readonly passHost: "pass" | "node" | "rewrite";
  /** The Host header of `rewrite`. */
  readonly rewrittenHost: string;
  readonly resolver: Resolver;
}

export interface UpstreamServices {
  readonly resolver: Resolver;
  /** 0 <= n < 1 */
  readonly random: () => number;
}

const defaultTimeouts: CallTimeouts = { connectMs: 60_000, sendMs: 60_000, readMs: 60_000 };

/** What the served schemes call over, and their own ports. */
const schemes = { http: { over: "http", port: 80 }, https: { over: "https", port: 443 } } as const;

/**
 * Compiles an APISIX upstream (apisix/upstream.lua, apisix/schema_def.lua) once per snapshot. Times
 * become milliseconds; 60 s each unless given. Without `retries` every other node is tried once.
 *
 * @returns no value for a scheme or a kind of discovery that is not served.
 */
export function compileUpstream(
  upstream: Upstream,
  services: UpstreamServices,
): Checked<UpstreamPlan> {
  const issues: Issue[] = [];
  const scheme = servedScheme(upstream, issues);
  if (upstream.nodes === undefined) {
    issues.push({
      path: "/discovery_type",
      code: "UPSTREAM_DISCOVERY",
      message: `service discovery "${upstream.discovery_type ?? ""}" is not served`,
      expected: "nodes",
    });
  }
  if (scheme === null || issues.length > 0) return { issues };
  const origins = originSettings(upstream, scheme.over);
  const nodes = compileNodes(upstream, scheme.port, origins, services.resolver);
  const balancer = createBalancer(upstream.type ?? "roundrobin", nodes, services.random);
  if (balancer === null) {
    issues.push({
      path: "/type",
      code: "UPSTREAM_TYPE",
      message: `the balancing type "${upstream.type}" is not known`,
    });
    return { issues };
  }
  return {
    issues,
    value: {
      nodes,
      balancer,
      origins,
      retries: upstream.retries ?? Math.max(nodes.length - 1, 0),
      retryTimeoutMs:
        (upstream.retry_timeout ?? 0) > 0
          ? (upstream.retry_timeout ?? 0) * 1000
          : Number.POSITIVE_INFINITY,
      timeouts: compileTimeouts(upstream.timeout) ?? defaultTimeouts,
      passHost: upstream.pass_host ?? "pass",
      rewrittenHost: upstream.upstream_host ?? "",
      resolver: services.resolver,
    },
  };
}

/** APISIX's seconds to milliseconds; `undefined` stays. A route's timeout replaces its upstream's. */
export function compileTimeouts(timeout: Timeout | undefined): CallTimeouts | undefined {
  if (timeout === undefined) return undefined;
  return {
    connectMs: timeout.connect * 1000,
    sendMs: timeout.send * 1000,
    readMs: timeout.read * 1000,
  };
}

function servedScheme(
  upstream: Upstream,
  issues: Issue[],
): (typeof schemes)["http" | "https"] | null {
  const scheme = upstream.scheme ?? "http";
  if (scheme === "http" || scheme === "https") return schemes[scheme];
  issues.push({
    path: "/scheme",
    code: "UPSTREAM_SCHEME",
    message: `upstreams over ${scheme} are not served`,
    expected: "http or https",
    found: scheme,
  });
  return null;
}

function originSettings(upstream: Upstream, scheme: "http" | "https"): OriginSettings {
  const pool = upstream.keepalive_pool;
  const keepalive = {
    size: pool?.size ?? 320,
    idleMs: (pool?.idle_timeout ?? 60) * 1000,
    requests: pool?.requests ?? 1000,
  };
  if (scheme === "http") return { scheme, keepalive, tls: null, poolKey: "" };
  const { client_cert, client_key, verify } = upstream.tls ?? {};
  const tls = {
    // APISIX never verifies (CVE-2026-31923 is of this kind); whoever needs that says so.
    verify: verify ?? true,
    ...(client_cert === undefined ? {} : { clientCertificate: client_cert }),
    ...(client_key === undefined ? {} : { clientKey: client_key }),
  };
  const identity =
    client_cert === undefined ? "" : Bun.hash(`${client_cert}${client_key}`).toString(36);
  return { scheme, keepalive, tls, poolKey: `${tls.verify ? "v" : "n"}${identity}` };
}

function compileNodes(
  upstream: Upstream,
  defaultPort: number,
  origins: OriginSettings,
  resolver: Resolver,
): readonly Node[] {
  return nodeList(upstream, defaultPort).map(({ host, port, weight, priority }) => {
    const fixed = resolver.fixed(host, port);
    return {
      host,
      port,
      weight,
      priority,
      hostHeader: port === defaultPort ? host : `${host}:${port}`,
      fixed,
      origin:
        fixed === null || origins.tls !== null
          ? null
          : makeOrigin(origins, fixed.address, fixed.port, null),
    };
  });
}

interface PlainNode {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

/** Both forms of `nodes`: a list, or `{"host:port": weight}`. */
function nodeList(upstream: Upstream, defaultPort: number): readonly PlainNode[] {
  const { nodes = [] } = upstream;
  if (Array.isArray(nodes)) {
    return nodes.map((node) => ({
      host: node.host,
      port: node.port ?? defaultPort,
      weight: node.weight,
      priority: node.priority ?? 0,
    }));
  }
  return Object.entries(nodes).map(([address, weight]) => ({
    ...splitAddress(address, defaultPort),
    weight,
    priority: 0,
  }));
}

/** `host`, `host:port`, `[ipv6]:port` or a bare IPv6 address. */
function splitAddress(address: string, defaultPort: number): { host: string; port: number } {
  if (isIP(address) === 6) return { host: `[${address}]`, port: defaultPort };
  const match = /^(.*[^:]):(\d+)$/.exec(address);
  if (match === null) return { host: address, port: defaultPort };
  return { host: match[1] ?? address, port: Number(match[2]) };
}
