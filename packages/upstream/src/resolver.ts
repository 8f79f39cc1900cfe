import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Answer, AnswerCache, type Known } from "./dns/answer-cache.ts";
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
  /**
   * Every address of a name, under the same rules as {@link resolve}; of an IP address, itself.
   *
   * @throws UPSTREAM_UNRESOLVED
   */
  addresses(host: string): readonly string[] | Promise<readonly string[]>;
  /** The fixed answer for an IP address or a name of the hosts table, `null` for other names. */
  fixed(host: string, port: number): Address | null;
}

export interface ResolverOptions {
  /** `{ name: "ip" | "ip:port" | "[ipv6]:port" }`; wins over DNS. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** How long an answer is used that does not say so itself; default 30 s. */
  readonly ttlMs?: number;
  /**
   * How long the last good answer is used while lookups fail for reasons that say nothing about the
   * name (a server that does not answer); default 300 s.
   */
  readonly staleMs?: number;
  /** How long a failure is remembered, so that a dead name is not asked for by every call; default 1 s. */
  readonly negativeTtlMs?: number;
  /** A lookup that takes longer has failed; default 5 s. */
  readonly lookupTimeoutMs?: number;
  /** Names kept; the one asked for longest ago is forgotten first. Default 4096. */
  readonly maxNames?: number;
  /** Asks for a name; default the system's way (`/etc/hosts`, search list, DNS). */
  readonly lookup?: Lookup;
  readonly now?: () => number;
  /** 0 <= n < 1. */
  readonly random?: () => number;
}

/**
 * The addresses of a name, in any order, and how long they are good for when that is known.
 * A rejection's `code` of ENOTFOUND or ENODATA says that the name has none.
 */
export type Lookup = (
  name: string,
) => Promise<readonly string[] | { readonly addresses: readonly string[]; readonly ttlMs: number }>;

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

class CachingResolver implements Resolver {
  readonly #hosts = new Map<string, { address: string; port: number | null }>();
  readonly #names: AnswerCache<readonly string[]>;
  readonly #ttlMs: number;
  readonly #lookup: Lookup;
  readonly #random: () => number;

  constructor(options: ResolverOptions) {
    for (const [name, found] of Object.entries(options.hosts ?? {})) {
      const parsed = parseIpAddress(found);
      if (parsed === null) throw upstreamErrors.UPSTREAM_BAD_HOST({ name, found });
      this.#hosts.set(canonicalName(name), parsed);
    }
    this.#ttlMs = options.ttlMs ?? 30_000;
    this.#lookup = options.lookup ?? lookupAll;
    this.#random = options.random ?? Math.random;
    this.#names = new AnswerCache({
      ask: (name) => this.#ask(name),
      staleMs: options.staleMs ?? 300_000,
      negativeTtlMs: options.negativeTtlMs ?? 1_000,
      timeoutMs: options.lookupTimeoutMs ?? 5_000,
      maxNames: options.maxNames ?? 4_096,
      now: options.now ?? (() => performance.now()),
    });
  }

  fixed(host: string, port: number): Address | null {
    const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
    if (isIP(bare) !== 0) return { address: bare, port };
    const entry = this.#hosts.get(canonicalName(host));
    return entry === undefined ? null : { address: entry.address, port: entry.port ?? port };
  }

  resolve(host: string, port: number): Address | Promise<Address> {
    const fixed = this.fixed(host, port);
    if (fixed !== null) return fixed;
    const found = this.#find(canonicalName(host));
    if (found instanceof Promise) return found.then((addresses) => this.#pick(addresses, port));
    return this.#pick(found, port);
  }

  addresses(host: string): readonly string[] | Promise<readonly string[]> {
    const fixed = this.fixed(host, 0);
    return fixed === null ? this.#find(canonicalName(host)) : [fixed.address];
  }

  #find(name: string): readonly string[] | Promise<readonly string[]> {
    const known = this.#names.peek(name);
    if (known !== null) return addressesOf(name, known);
    return this.#names.ask(name).then((found) => addressesOf(name, found));
  }

  async #ask(name: string): Promise<Answer<readonly string[]> | null> {
    const found = await this.#lookup(name);
    const answer = "addresses" in found ? found : { addresses: found, ttlMs: this.#ttlMs };
    const value = preferV4(answer.addresses);
    return value.length === 0 ? null : { value, ttlMs: answer.ttlMs };
  }

  #pick(addresses: readonly string[], port: number): Address {
    // There is at least one, or it would not be an answer.
    const address = addresses[Math.floor(this.#random() * addresses.length)] as string;
    return { address, port };
  }
}

function addressesOf(name: string, { value, reason }: Known<readonly string[]>): readonly string[] {
  if (value !== null) return value;
  throw upstreamErrors.UPSTREAM_UNRESOLVED({ origin: name, sent: false, reason });
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
