import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { upstreamErrors } from "./errors.ts";

/** Where to connect: an IP address (IPv6 without brackets) and a port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Turns node hosts into addresses; one per process, shared by all upstreams. */
export interface Resolver {
  /**
   * Answers at once, without a promise, for IP addresses, names of the hosts table and cached names;
   * otherwise asks the system. Of several records one is picked at random each time. A hosts entry
   * with a port replaces `port`.
   *
   * @throws UPSTREAM_UNRESOLVED (as a rejection; thrown while a failure is cached).
   */
  resolve(host: string, port: number): Address | Promise<Address>;
  /** The fixed answer for an IP address or a name of the hosts table, `null` for other names. */
  fixed(host: string, port: number): Address | null;
}

export interface ResolverOptions {
  /** `{ name: "ip" | "ip:port" | "[ipv6]:port" }`; wins over DNS. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** How long an answer is used; default 30 s. */
  readonly ttlMs?: number;
  /** How long a failure is remembered, so that a dead name is not asked for by every call; default 1 s. */
  readonly negativeTtlMs?: number;
  /** A lookup that takes longer has failed; default 5 s. */
  readonly lookupTimeoutMs?: number;
  /** Names kept; the one asked for longest ago is forgotten first. Default 4096. */
  readonly maxNames?: number;
  /** The addresses of a name, in any order; default the system's (`/etc/hosts`, search list, DNS). */
  readonly lookup?: (name: string) => Promise<readonly string[]>;
  readonly now?: () => number;
  /** 0 <= n < 1. */
  readonly random?: () => number;
}

/**
 * Makes a resolver. Names are matched in lower case, without a trailing dot; underscores are fine.
 *
 * @throws UPSTREAM_BAD_HOST for an entry of `hosts` that is not an address.
 */
export function createResolver(options: ResolverOptions = {}): Resolver {
  return new CachingResolver(options);
}

/**
 * Reads `10.0.0.1`, `10.0.0.1:8080`, `::1`, `[::1]` or `[::1]:8080`.
 *
 * @returns `null` when it is none of these; `port` is `null` when none is given.
 */
export function parseIpAddress(text: string): { address: string; port: number | null } | null {
  if (isIP(text) !== 0) return { address: text, port: null };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const address = match[1] ?? match[2] ?? "";
  const family = isIP(address);
  if (family === 0 || (family === 6) !== (match[1] !== undefined)) return null;
  if (match[3] === undefined) return { address, port: null };
  const port = Number(match[3]);
  return port >= 1 && port <= 65535 ? { address, port } : null;
}

interface CachedName {
  readonly addresses: readonly string[];
  readonly expiresAt: number;
  readonly reason: string;
}

class CachingResolver implements Resolver {
  readonly #hosts = new Map<string, { address: string; port: number | null }>();
  readonly #cache = new Map<string, CachedName>();
  readonly #pending = new Map<string, Promise<CachedName>>();
  readonly #ttlMs: number;
  readonly #negativeTtlMs: number;
  readonly #lookupTimeoutMs: number;
  readonly #maxNames: number;
  readonly #lookup: (name: string) => Promise<readonly string[]>;
  readonly #now: () => number;
  readonly #random: () => number;

  constructor(options: ResolverOptions) {
    for (const [name, found] of Object.entries(options.hosts ?? {})) {
      const parsed = parseIpAddress(found);
      if (parsed === null) throw upstreamErrors.UPSTREAM_BAD_HOST({ name, found });
      this.#hosts.set(canonicalName(name), parsed);
    }
    this.#ttlMs = options.ttlMs ?? 30_000;
    this.#negativeTtlMs = options.negativeTtlMs ?? 1_000;
    this.#lookupTimeoutMs = options.lookupTimeoutMs ?? 5_000;
    this.#maxNames = options.maxNames ?? 4_096;
    this.#lookup = options.lookup ?? lookupAll;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  fixed(host: string, port: number): Address | null {
    const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
    if (isIP(bare) !== 0) return { address: bare, port };
    const entry = this.#hosts.get(canonicalName(host));
    return entry === undefined ? null : { address: entry.address, port: entry.port ?? port };
  }

  resolve(host: string, port: number): Address | Promise<Address> {
    const name = canonicalName(host);
    const cached = this.#cache.get(name);
    if (cached !== undefined && cached.expiresAt > this.#now())
      return this.#pick(name, cached, port);
    return this.fixed(host, port) ?? this.#ask(name).then((found) => this.#pick(name, found, port));
  }

  /** One lookup per name at a time, however many calls wait for it. */
  #ask(name: string): Promise<CachedName> {
    const running = this.#pending.get(name);
    if (running !== undefined) return running;
    const started = this.#lookUp(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, started);
    return started;
  }

  async #lookUp(name: string): Promise<CachedName> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("timeout")), this.#lookupTimeoutMs);
    let addresses: readonly string[] = [];
    let reason = "no records";
    try {
      addresses = preferV4(await Promise.race([this.#lookup(name), late.promise]));
    } catch (error) {
      reason = reasonOf(error);
    } finally {
      clearTimeout(timer);
    }
    const ttlMs = addresses.length > 0 ? this.#ttlMs : this.#negativeTtlMs;
    const found = { addresses, expiresAt: this.#now() + ttlMs, reason };
    // Deleted first, so that the map's order is the order of the last lookup.
    this.#cache.delete(name);
    if (this.#cache.size >= this.#maxNames) {
      const oldest = this.#cache.keys().next();
      if (!oldest.done) this.#cache.delete(oldest.value);
    }
    this.#cache.set(name, found);
    return found;
  }

  #pick(name: string, found: CachedName, port: number): Address {
    const { addresses } = found;
    const address = addresses[Math.floor(this.#random() * addresses.length)];
    if (address !== undefined) return { address, port };
    throw upstreamErrors.UPSTREAM_UNRESOLVED({ origin: name, sent: false, reason: found.reason });
  }
}

const canonicalName = (host: string): string => host.toLowerCase().replace(/\.$/, "");

/** APISIX asks for A first and for AAAA only when there is none (`dns_resolver` order `last, A, AAAA`). */
function preferV4(addresses: readonly string[]): readonly string[] {
  const v4 = addresses.filter((address) => isIP(address) === 4);
  return v4.length > 0 ? v4 : addresses.filter((address) => isIP(address) === 6);
}

async function lookupAll(name: string): Promise<readonly string[]> {
  const records = await systemLookup(name, { all: true });
  return records.map((record) => record.address);
}

function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  return error instanceof Error ? error.message : "lookup failed";
}
