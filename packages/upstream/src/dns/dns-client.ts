import { Resolver as SystemResolver } from "node:dns/promises";

export interface AddressRecord {
  readonly address: string;
  readonly ttlSeconds: number;
}

export interface ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

/** Asks DNS servers; a rejection's `code` of ENOTFOUND or ENODATA says that there is no such record. */
export interface DnsClient {
  resolve4(name: string): Promise<readonly AddressRecord[]>;
  resolve6(name: string): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly ServiceRecord[]>;
}

export interface DnsClientOptions {
  /** `ip`, `ip:port` or `[ipv6]:port`, asked in this order; default those of the system. */
  readonly servers?: readonly string[];
  /** For one answer; default 2 s. */
  readonly timeoutMs?: number;
  /** Questions to a server that does not answer; default 2. */
  readonly tries?: number;
}

/** Makes a client that asks DNS alone: no `/etc/hosts`, no search list. CNAMEs are followed. */
export function createDnsClient(options: DnsClientOptions = {}): DnsClient {
  const resolver = new SystemResolver({
    timeout: options.timeoutMs ?? 2_000,
    tries: options.tries ?? 2,
  });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return {
    resolve4: async (name) => (await resolver.resolve4(name, { ttl: true })).map(toAddress),
    resolve6: async (name) => (await resolver.resolve6(name, { ttl: true })).map(toAddress),
    resolveSrv: async (name) =>
      (await resolver.resolveSrv(name)).map(({ name: target, port, weight, priority }) => ({
        target,
        port,
        weight,
        priority,
      })),
  };
}

const toAddress = ({ address, ttl }: { address: string; ttl: number }): AddressRecord => ({
  address,
  ttlSeconds: ttl,
});
