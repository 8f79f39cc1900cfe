import { isIP } from "node:net";
import type { Upstream } from "@catena/schema";

/** A node as configured, with what its form leaves out filled in. */
export interface PlainNode {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

/**
 * Lists the nodes of both forms: a list, or `{"host:port": weight}`. Of several nodes with one
 * address and priority the last counts, as in APISIX, which keeps them by address.
 *
 * @param defaultPort of nodes without one: the scheme's own.
 */
export function listNodes(upstream: Upstream, defaultPort: number): readonly PlainNode[] {
  const nodes = new Map<string, PlainNode>();
  for (const node of plainNodes(upstream, defaultPort))
    nodes.set(`${node.priority}#${node.host}#${node.port}`, node);
  return [...nodes.values()];
}

function plainNodes({ nodes = [] }: Upstream, defaultPort: number): readonly PlainNode[] {
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

/** Splits `host`, `host:port`, `[ipv6]:port` or a bare IPv6 address. */
export function splitAddress(
  address: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } {
  if (isIP(address) === 6) return { host: `[${address}]`, port: defaultPort };
  const match = /^(.*[^:]):(\d+)$/.exec(address);
  if (match === null) return { host: address, port: defaultPort };
  return { host: match[1] ?? address, port: Number(match[2]) };
}
