import type { Checked, Issue } from "@catena/errors";
import type { Timeout, Upstream } from "@catena/schema";
import { BalancerMemory } from "./balancers/balancer-memory.ts";
import { balancerTypes, findBalancer, type MakeBalancer } from "./balancers/registry.ts";
import { buildNodeSet, type NodeSetSettings } from "./build-node-set.ts";
import { createNodeSource, type NodeSource } from "./discovery/discovered-nodes.ts";
import type { Discovery } from "./discovery/discovery.ts";
import { compileHashKey, type ReadHashKey } from "./hash-key.ts";
import { compileChecks } from "./health/check-policy.ts";
import type { HealthChecks } from "./health/health-checks.ts";
import type { Node, OriginSettings } from "./node.ts";
import { listNodes } from "./node-list.ts";
import type { NodeSet } from "./node-set.ts";
import { OriginBook } from "./origin-book.ts";
import type { Resolver } from "./resolver.ts";
import type { CallTimeouts, OriginScheme } from "./transport/transport.ts";
import { compileTls, type TlsServices, tlsPoolKey } from "./upstream-tls.ts";

/** An upstream made ready for calls; immutable but for the state of its balancer and checks. */
export interface UpstreamPlan extends NodeSet {
  /** Finds the nodes of a discovered service; `null` when they are configured. */
  readonly discovered: NodeSource | null;
  /** What the nodes are discovered by; empty when they are configured. */
  readonly serviceName: string;
  /** The only node, when a call can go to it without any choice: the hot path. */
  readonly direct: Node | null;
  readonly origins: OriginBook;
  /** Further tries after the first; `null` for one at every other node. */
  readonly retries: number | null;
  /** Milliseconds after which no further try is begun; `Infinity` for no bound. */
  readonly retryTimeoutMs: number;
  readonly timeouts: CallTimeouts;
  readonly passHost: "pass" | "node" | "rewrite";
  /** The Host header of `rewrite`. */
  readonly rewrittenHost: string;
  readonly resolver: Resolver;
  readonly random: () => number;
  /** What `OutgoingRequest.hashKey` is to be; `null` when nothing is hashed. */
  readonly hashKey: ReadHashKey | null;
}

/** What upstreams are compiled with; all but the first two have working defaults. */
export interface UpstreamServices extends TlsServices {
  readonly resolver: Resolver;
  /** 0 <= n < 1 */
  readonly random: () => number;
  /** The resource that holds the upstream, as `upstreams/1`. Without it, nothing is checked. */
  readonly owner?: string;
  readonly memory?: BalancerMemory;
  readonly health?: HealthChecks;
  /** By `discovery_type`. */
  readonly discovery?: Readonly<Record<string, Discovery>>;
  /** Milliseconds that never go back; default `performance.now()`. */
  readonly now?: () => number;
}

const defaultTimeouts: CallTimeouts = { connectMs: 60_000, sendMs: 60_000, readMs: 60_000 };

/** The served schemes, and their own ports (apisix/upstream.lua). */
const schemes = {
  http: { over: "http", port: 80 },
  https: { over: "https", port: 443 },
  grpc: { over: "grpc", port: 80 },
  grpcs: { over: "grpcs", port: 443 },
} as const;

type ServedScheme = (typeof schemes)[keyof typeof schemes];

/**
 * Compiles an APISIX upstream (apisix/upstream.lua, apisix/schema_def.lua) once per snapshot. Times
 * become milliseconds; 60 s each unless given. Without `retries` every other node is tried once.
 *
 * @returns no value for a scheme, a kind of discovery, a balancing type or a client certificate that
 *   can't be served; with a value, issues say what is left out.
 */
export function compileUpstream(
  upstream: Upstream,
  services: UpstreamServices,
): Checked<UpstreamPlan> {
  const issues: Issue[] = [];
  const scheme = servedScheme(upstream, issues);
  const discovery = findDiscovery(upstream, services, issues);
  const makeBalancer = servedType(upstream, issues);
  const origins = originSettings(upstream, scheme?.over ?? "http", services, issues);
  if (scheme === null || makeBalancer === null || issues.length > 0) return { issues };

  const { resolver, random, owner = "", health } = services;
  const checks = upstream.checks === undefined ? null : compileChecks(upstream.checks, issues);
  if (checks === null) health?.release(owner);
  const settings: NodeSetSettings = {
    makeBalancer,
    defaultPort: scheme.port,
    origins,
    checks,
    rewrittenHost: upstream.pass_host === "rewrite" ? (upstream.upstream_host ?? null) : null,
    resolver,
    owner,
    memory: services.memory ?? new BalancerMemory(),
    health: owner === "" ? null : (health ?? null),
    random,
    now: services.now ?? (() => performance.now()),
  };
  const set =
    discovery === null ? buildNodeSet(listNodes(upstream, scheme.port), settings) : NO_NODES;
  const retryTimeoutMs = (upstream.retry_timeout ?? 0) * 1000;
  const value: UpstreamPlan = {
    ...set,
    discovered: discovery === null ? null : sourceOf(upstream, discovery, settings),
    serviceName: discovery === null ? "" : (upstream.service_name ?? ""),
    direct: directNode(set, upstream),
    origins: new OriginBook(origins),
    retries: upstream.retries ?? null,
    retryTimeoutMs: retryTimeoutMs > 0 ? retryTimeoutMs : Number.POSITIVE_INFINITY,
    timeouts: compileTimeouts(upstream.timeout) ?? defaultTimeouts,
    passHost: upstream.pass_host ?? "pass",
    rewrittenHost: upstream.upstream_host ?? "",
    resolver,
    random,
    hashKey: upstream.type === "chash" ? compileHashKey(upstream, issues) : null,
  };
  return { issues, value };
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

function servedScheme(upstream: Upstream, issues: Issue[]): ServedScheme | null {
  const scheme = upstream.scheme ?? "http";
  if (isServed(scheme)) return schemes[scheme];
  issues.push({
    path: "/scheme",
    code: "UPSTREAM_SCHEME",
    message: `upstreams over ${scheme} are not served`,
    expected: Object.keys(schemes).join(", "),
    found: scheme,
  });
  return null;
}

function isServed(scheme: string): scheme is keyof typeof schemes {
  return Object.hasOwn(schemes, scheme);
}

function servedType(upstream: Upstream, issues: Issue[]): MakeBalancer | null {
  const type = upstream.type ?? "roundrobin";
  const make = findBalancer(type);
  if (make === null) {
    issues.push({
      path: "/type",
      code: "UPSTREAM_TYPE",
      message: `the balancing type "${type}" is not known`,
      expected: balancerTypes.join(", "),
    });
  }
  return make;
}

/** @returns `null` for configured nodes, and when there is an issue. */
function findDiscovery(
  upstream: Upstream,
  services: UpstreamServices,
  issues: Issue[],
): Discovery | null {
  if (upstream.nodes !== undefined) return null;
  const type = upstream.discovery_type ?? "";
  const { discovery = {} } = services;
  const found = Object.hasOwn(discovery, type) ? discovery[type] : undefined;
  if (found !== undefined) return found;
  issues.push({
    path: "/discovery_type",
    code: "UPSTREAM_DISCOVERY",
    message: `service discovery "${type}" is not served`,
    expected: ["nodes", ...Object.keys(discovery)].join(" or "),
  });
  return null;
}

function originSettings(
  upstream: Upstream,
  scheme: OriginScheme,
  services: TlsServices,
  issues: Issue[],
): OriginSettings {
  const { size = 320, idle_timeout = 60, requests = 1000 } = upstream.keepalive_pool ?? {};
  // An idle time of 0 is none (lua-nginx-module, ngx_http_lua_balancer.c).
  const idleMs = idle_timeout === 0 ? Number.POSITIVE_INFINITY : idle_timeout * 1000;
  const keepalive = { size, idleMs, requests };
  if (scheme === "http" || scheme === "grpc") return { scheme, keepalive, tls: null, poolKey: "" };
  const tls = compileTls(upstream, services, issues);
  return { scheme, keepalive, tls, poolKey: tlsPoolKey(tls) };
}

/** Nodes of a plan whose nodes are discovered. */
const NO_NODES: NodeSet = {
  nodes: [],
  balancer: { pick: () => null, watcher: null },
  checker: null,
};

function sourceOf(upstream: Upstream, discovery: Discovery, settings: NodeSetSettings): NodeSource {
  return createNodeSource(discovery, upstream.service_name ?? "", (found) =>
    buildNodeSet(
      found.map(({ address, port, weight, priority }) => ({
        host: address.includes(":") ? `[${address}]` : address,
        port: port ?? settings.defaultPort,
        weight,
        priority,
      })),
      settings,
    ),
  );
}

function directNode({ nodes, balancer }: NodeSet, upstream: Upstream): Node | null {
  const [only, ...others] = nodes;
  if (only === undefined || others.length > 0 || (upstream.retries ?? 0) > 0) return null;
  const isPlain = only.origin !== null && only.health === null && balancer.watcher === null;
  return isPlain ? only : null;
}
