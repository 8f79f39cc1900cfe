import {
  createDnsClient,
  createDnsDiscovery,
  createResolver,
  createTransport,
  createUpstreamRuntime,
  dnsLookup,
  type Resolver,
  type Transport,
  type UpstreamRuntime,
  type UpstreamRuntimeOptions,
} from "@catena/upstream";
import type { Settings } from "./settings/settings.ts";

/** What one process calls upstreams with. */
export interface UpstreamServices {
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly runtime: UpstreamRuntime;
  /** Ends checks, then connections. */
  close(): Promise<void>;
}

/** Makes what the settings say about names, certificates, checks and connections of upstreams. */
export function openUpstreamServices(
  settings: Settings,
  options: Pick<UpstreamRuntimeOptions, "clientCertificate" | "onHealthTurn">,
): UpstreamServices {
  const { servers } = settings.dns;
  const hasServers = servers.length > 0;
  const client = createDnsClient(hasServers ? { servers } : {});
  const resolver = createResolver({
    // Servers that are asked directly need not know it, and no host but this may answer (RFC 6761 6.3).
    hosts: { ...(hasServers ? { localhost: "127.0.0.1" } : {}), ...settings.resolver.hosts },
    ttlMs: settings.resolver.ttlSeconds * 1000,
    ...(hasServers ? { lookup: dnsLookup(client) } : {}),
  });
  const transport = createTransport(settings.transport);
  const { verify, ca } = settings.tls;
  const runtime = createUpstreamRuntime({
    ...options,
    transport,
    resolver,
    discovery: { dns: createDnsDiscovery({ client }) },
    tls: ca === null ? { verify } : { verify, ca },
    healthChecks: settings.healthChecks,
  });
  return {
    resolver,
    transport,
    runtime,
    close: async () => {
      runtime.close();
      await transport.close();
    },
  };
}
