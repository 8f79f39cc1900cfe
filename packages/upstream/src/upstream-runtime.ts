import type { Checked } from "@catena/errors";
import type { Upstream } from "@catena/schema";
import { BalancerMemory } from "./balancers/balancer-memory.ts";
import { compileUpstream, type UpstreamPlan } from "./compile-upstream.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { HealthReport, HealthTurn } from "./health/health-checker.ts";
import { HealthChecks } from "./health/health-checks.ts";
import type { Resolver } from "./resolver.ts";
import type { Transport } from "./transport/transport.ts";
import type { TlsServices } from "./upstream-tls.ts";

export interface UpstreamRuntimeOptions extends TlsServices {
  readonly transport: Transport;
  readonly resolver: Resolver;
  /** By `discovery_type`; default none. */
  readonly discovery?: Readonly<Record<string, Discovery>>;
  /** `false` for APISIX's `disable_upstream_healthcheck`; default `true`. */
  readonly healthChecks?: boolean;
  /** A checked node went down or came back. */
  readonly onHealthTurn?: (turn: HealthTurn) => void;
  /** 0 <= n < 1 */
  readonly random?: () => number;
}

/**
 * What upstreams have beyond one configuration: health checkers, and what balancers learnt. One per
 * process. Owners are the resources that hold upstreams: `upstreams/1`, `routes/1`, `services/1`, or
 * any other name that stays the same for the same upstream.
 */
export interface UpstreamRuntime {
  /** {@link compileUpstream} for an owner: an earlier plan's health and counts go on in the new one. */
  compile(owner: string, upstream: Upstream): Checked<UpstreamPlan>;
  /** The owner changed and will be compiled anew when it is used again: its checks may lapse until then. */
  changed(owner: string): void;
  /** The owner is gone: its checks end, its counts are forgotten. */
  removed(owner: string): void;
  /** Every checked owner; in APISIX's `/v1/healthcheck`, `name` is the store's key of the owner. */
  healthReports(): readonly HealthReport[];
  /** `null` when the owner has no checks, or was not used since it changed. */
  healthReport(owner: string): HealthReport | null;
  /** Ends all checks and their timer. */
  close(): void;
}

/** Makes the runtime; it has no timer before an upstream with checks is used. */
export function createUpstreamRuntime(options: UpstreamRuntimeOptions): UpstreamRuntime {
  const { transport, resolver, onHealthTurn, random = Math.random } = options;
  const memory = new BalancerMemory();
  const health = new HealthChecks({
    transport,
    resolver,
    random,
    isEnabled: options.healthChecks ?? true,
    ...(onHealthTurn === undefined ? {} : { onTurn: onHealthTurn }),
  });
  const { tls, clientCertificate, discovery } = options;
  const services = {
    resolver,
    random,
    memory,
    health,
    ...(tls === undefined ? {} : { tls }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(discovery === undefined ? {} : { discovery }),
  };
  return {
    compile: (owner, upstream) => compileUpstream(upstream, { ...services, owner }),
    changed: (owner) => health.changed(owner),
    removed: (owner) => {
      health.release(owner);
      memory.forget(owner);
    },
    healthReports: () => health.reports(),
    healthReport: (owner) => health.reportOf(owner),
    close: () => health.close(),
  };
}
