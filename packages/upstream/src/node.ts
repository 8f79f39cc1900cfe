import type { KeepalivePolicy, Origin, OriginTls } from "./transport/transport.ts";

/** One place of an upstream, made ready: `host:port` with a weight. */
export interface Node {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** Higher is used first. */
  readonly priority: number;
  /** What `pass_host: node` sends: the host, with the port unless it is the scheme's own. */
  readonly hostHeader: string;
  /** Where to connect, when that is known without asking DNS; else `null`. */
  readonly fixed: { readonly address: string; readonly port: number } | null;
  /** The origin of `fixed` without TLS: the hot path's. */
  readonly origin: Origin | null;
}

/** What all origins of one upstream share. */
export interface OriginSettings {
  readonly scheme: "http" | "https";
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
