import type { BalancerMemory } from "./balancers/balancer-memory.ts";
import type { MakeBalancer } from "./balancers/registry.ts";
import type { CheckPolicy } from "./health/check-policy.ts";
import type { BoundChecks, HealthChecks } from "./health/health-checks.ts";
import { makeOrigin, type Node, type OriginSettings } from "./node.ts";
import type { PlainNode } from "./node-list.ts";
import type { NodeSet } from "./node-set.ts";
import type { Resolver } from "./resolver.ts";

/** What the node sets of one upstream have in common. */
export interface NodeSetSettings {
  readonly makeBalancer: MakeBalancer;
  /** The scheme's own port, which a Host header leaves out. */
  readonly defaultPort: number;
  readonly origins: OriginSettings;
  /** `null` without health checks. */
  readonly checks: CheckPolicy | null;
  /** The Host of `pass_host: rewrite`, else `null`. */
  readonly rewrittenHost: string | null;
  readonly resolver: Resolver;
  readonly owner: string;
  readonly memory: BalancerMemory;
  readonly health: HealthChecks | null;
  readonly random: () => number;
  readonly now: () => number;
}

/** Makes nodes ready for calls, and what chooses among them and checks them. */
export function buildNodeSet(plain: readonly PlainNode[], settings: NodeSetSettings): NodeSet {
  const { resolver, origins, defaultPort } = settings;
  const places = plain.map((node) => ({ ...node, fixed: resolver.fixed(node.host, node.port) }));
  const bound = bindChecks(places, settings);
  const nodes = places.map(
    ({ host, port, weight, priority, fixed }, index): Node => ({
      host,
      port,
      weight,
      priority,
      label: `${host}:${port}`,
      hostHeader: port === defaultPort ? host : `${host}:${port}`,
      fixed,
      origin:
        fixed === null || origins.tls !== null
          ? null
          : makeOrigin(origins, fixed.address, fixed.port, null),
      health: bound?.nodes[index] ?? null,
    }),
  );
  const balancer = settings.makeBalancer(nodes, settings);
  return { nodes, balancer, checker: bound?.checker ?? null };
}

function bindChecks(
  nodes: Parameters<HealthChecks["bind"]>[1]["nodes"],
  { checks, health, owner, rewrittenHost, origins }: NodeSetSettings,
): BoundChecks | null {
  if (checks === null || health === null) return null;
  const { ca, clientCertificate, clientKey } = origins.tls ?? {};
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
  };
  return health.bind(owner, { policy: checks, nodes, rewrittenHost, tls });
}
