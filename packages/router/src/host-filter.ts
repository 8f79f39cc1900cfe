/** The hosts of a route as a condition, for the modes in which the path decides first. */
export interface HostFilter {
  readonly exact: ReadonlySet<string>;
  /** What follows the `*` of wildcard hosts. */
  readonly suffixes: readonly string[];
  /** Hosts written with a port, which are compared with the Host header as it came. */
  readonly withPort: ReadonlySet<string>;
}

export function buildHostFilter(hosts: readonly string[]): HostFilter | null {
  if (hosts.length === 0) return null;
  return {
    exact: new Set(hosts.filter((host) => !host.includes(":") && !host.startsWith("*"))),
    suffixes: hosts.filter((host) => host.startsWith("*")).map((host) => host.slice(1)),
    withPort: new Set(hosts.filter((host) => host.includes(":"))),
  };
}

export function passesHost(filter: HostFilter, host: string, rawHost: string): boolean {
  if (filter.exact.has(host)) return true;
  for (const suffix of filter.suffixes) if (host.endsWith(suffix)) return true;
  return filter.withPort.size > 0 && filter.withPort.has(rawHost.toLowerCase());
}

/**
 * Brings a Host header into the form routes are matched with: lower case, without port and without
 * trailing dot. An IPv6 address keeps its brackets.
 *
 * @example normalizeHost("API.Example.com.:8080") // "api.example.com"
 */
export function normalizeHost(host: string): string {
  const bracket = host.startsWith("[") ? host.indexOf("]") : -1;
  const colon = host.indexOf(":", bracket + 1);
  const name = (colon < 0 ? host : host.slice(0, colon)).toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
