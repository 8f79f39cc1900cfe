import type { KeepalivePolicy, Origin, OriginScheme, OriginTls } from "./transport/transport.ts";

/** What health checks know of a node, as far as choosing one needs it. */
export interface NodeHealth {
  /** `false` takes the node out; `true` again when every node of the upstream is down. */
  readonly isUsable: boolean;
  /** The one of a name's addresses to connect to: any of those that are up, else any. */
  pickAddress(addresses: readonly string[], random: () => number): string;
  /** A try at `address` was answered with `status`. */
  reportStatus(address: string, status: number): void;
  /** A try at `address` failed. `isLast` when no other follows. */
  reportFailure(address: string, failure: TryFailure, isLast: boolean): void;
}

/** How a try failed: a timeout (nginx's 504) or anything else about the connection (502). */
export type TryFailure = "timeout" | "tcp";

/** One place of an upstream, made ready: `host:port` with a weight. */
export interface Node {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** Higher is used first. */
  readonly priority: number;
  /** `host:port`: what balancers know the node by across configuration changes. */
  readonly label: string;
  /** What `pass_host: node` sends: the host, with the port unless it is the scheme's own. */
  readonly hostHeader: string;
  /** Where to connect, when that is known without asking DNS; else `null`. */
  readonly fixed: { readonly address: string; readonly port: number } | null;
  /** The origin of `fixed` without TLS: the hot path's. */
  readonly origin: Origin | null;
  /** `null` without health checks. */
  readonly health: NodeHealth | null;
}

/** What all origins of one upstream share. */
export interface OriginSettings {
  readonly scheme: OriginScheme;
  readonly keepalive: KeepalivePolicy;
  readonly tls: Omit<OriginTls, "serverName"> | null;
  /** Tells apart pools that must not share connections: client certificate, verification. */
  readonly poolKey: string;
}

/**
 * An origin. Its key holds everything by which connections differ, so that two upstreams with the
 * same node share a pool, and two with different certificates never do.
 */
export function makeOrigin(
  settings: OriginSettings,
  address: string,
  port: number,
  serverName: string | null,
): Origin {
  const { scheme, keepalive, tls, poolKey } = settings;
  const key = `${scheme}#${address}#${port}#${serverName ?? ""}#${poolKey}`;
  const base = { key, scheme, address, port, keepalive };
  if (tls === null) return base;
  return { ...base, tls: serverName === null ? tls : { ...tls, serverName } };
}
