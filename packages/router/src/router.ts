import { Candidate, type Refusal } from "./candidate.ts";
import { buildHostFilter } from "./host-filter.ts";
import { type Captures, parsePattern, type RouterMode } from "./path-pattern.ts";
import { PathTable } from "./path-table.ts";
import { RadixTree } from "./radix-tree.ts";

/** What a route matches, and what the router hands back when it does. */
export interface RouteEntry<P, R = unknown> {
  /** Entries with the same id are removed and replaced together. */
  readonly id: string;
  /** `/exact`, `/prefix*`, `/prefix/*` and the like; in parameter mode also `/u/:id`. */
  readonly uris: readonly string[];
  /** `a.com`, `*.a.com`, `*`; none or empty means any host. Case does not matter. */
  readonly hosts?: readonly string[];
  /** None or empty means any method; GET does not imply HEAD. */
  readonly methods?: readonly string[];
  /** Decides only between routes with the same literal path or prefix. Default 0. */
  readonly priority?: number;
  /** What else must hold (client address, `vars`); must not throw. */
  readonly accepts?: (request: R) => boolean;
  readonly payload: P;
}

/** The route that takes a request. Made when the route was added: matching allocates nothing. */
export interface RouteMatch<P> {
  readonly payload: P;
  readonly id: string;
  /** The path pattern that matched, as written. */
  readonly pattern: string;
  /** The host pattern that matched; empty for a route of any host, and in the `uri` modes. */
  readonly host: string;
  /** Captures of the matched path: `:name`, `*name`, and `:ext` for a bare `*`; else `null`. */
  params(path: string): Captures | null;
}

/** A route that was looked at for a request, and why it did not take it (`null`: it did). */
export interface Trial<P> {
  readonly match: RouteMatch<P>;
  readonly refusal: Refusal | null;
}

export interface Router<P, R = unknown> {
  /** Number of entries. */
  readonly size: number;
  /** Adds an entry, behind the entries its id already has. */
  add(entry: RouteEntry<P, R>): void;
  /** Removes all entries of an id; unknown ids are fine. */
  remove(id: string): void;
  /** Puts entries in the place of those `id` had; in ties the id keeps its place. */
  replace(id: string, entries: readonly RouteEntry<P, R>[]): void;
  /**
   * Finds the route for a request (apisix-compat: host, exact path, longest prefix, priority).
   *
   * @param host as {@link normalizeHost} gives it.
   * @param path decoded and normalised, starting with `/`.
   * @param rawHost the Host header as it came; only hosts written with a port need it, and only in
   *   the `uri` modes.
   */
  match(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost?: string,
  ): RouteMatch<P> | null;
  /** Lists what {@link match} looks at, in order, up to and including the route that takes it. */
  explain(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost?: string,
  ): readonly Trial<P>[];
}

/**
 * Creates an empty router. Changing one route takes time by the length of its patterns and by the
 * number of routes that share its literal path, not by the number of all routes.
 *
 * - `radixtree_host_uri`: the most specific host that has a matching path wins; routes without host
 *   come last.
 * - `radixtree_uri`: the path decides first, hosts are a condition.
 * - `radixtree_uri_with_parameter`: as before, and `:name` matches one segment.
 */
export function createRouter<P, R = unknown>(
  mode: RouterMode = "radixtree_host_uri",
): Router<P, R> {
  return new TableRouter<P, R>(mode);
}

interface Owner<P, R> {
  readonly id: string;
  readonly sequence: number;
  candidates: Candidate<P, R>[];
  nextOrdinal: number;
  entries: number;
}

class TableRouter<P, R> implements Router<P, R> {
  readonly #mode: RouterMode;
  readonly #byId = new Map<string, Owner<P, R>>();
  readonly #anyHost = new PathTable<P, R>();
  readonly #exactHosts = new Map<string, PathTable<P, R>>();
  /** Wildcard hosts, by the reversed text after the `*`. */
  readonly #hostSuffixes = new RadixTree<PathTable<P, R>>();
  #nextSequence = 0;
  #size = 0;

  constructor(mode: RouterMode) {
    this.#mode = mode;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: RouteEntry<P, R>): void {
    this.#addTo(this.#owner(entry.id), entry);
  }

  remove(id: string): void {
    const owner = this.#byId.get(id);
    if (owner === undefined) return;
    this.#drop(this.#takeAll(owner));
    this.#byId.delete(id);
  }

  replace(id: string, entries: readonly RouteEntry<P, R>[]): void {
    const owner = this.#owner(id);
    const old = this.#takeAll(owner);
    for (const entry of entries) this.#addTo(owner, entry);
    // Last, so that a literal which stays keeps its place in the maps: they hold on to what was
    // deleted until they grow, and 10,000 changes of one route would make each cost 30 times as much.
    this.#drop(old);
  }

  match(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost = host,
  ): RouteMatch<P> | null {
    const exact = this.#exactHosts.get(host);
    if (exact !== undefined) {
      const found = exact.match(host, path, method, request, rawHost);
      if (found !== null) return found;
    }
    if (this.#hostSuffixes.size > 0) {
      const found = this.#matchSuffix(host, path, method, request, rawHost);
      if (found !== null) return found;
    }
    return this.#anyHost.match(host, path, method, request, rawHost);
  }

  /** Apart from `match`, which would make a scope for this closure at every call of it. */
  #matchSuffix(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost: string,
  ): RouteMatch<P> | null {
    const take = (table: PathTable<P, R>) => table.match(host, path, method, request, rawHost);
    return this.#hostSuffixes.find(host, take, true);
  }

  explain(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost = host,
  ): readonly Trial<P>[] {
    const trials: Trial<P>[] = [];
    const visit = (table: PathTable<P, R>) =>
      table.find(path, (list) => {
        for (const match of list) {
          const refusal = match.refusal(host, path, method, request, rawHost);
          trials.push({ match, refusal });
          if (refusal === null) return match;
        }
        return null;
      });
    const exact = this.#exactHosts.get(host);
    const found =
      (exact === undefined ? null : visit(exact)) ?? this.#hostSuffixes.find(host, visit, true);
    if (found === null) visit(this.#anyHost);
    return trials;
  }

  #owner(id: string): Owner<P, R> {
    let owner = this.#byId.get(id);
    if (owner === undefined) {
      owner = { id, sequence: this.#nextSequence++, candidates: [], nextOrdinal: 0, entries: 0 };
      this.#byId.set(id, owner);
    }
    return owner;
  }

  #addTo(owner: Owner<P, R>, entry: RouteEntry<P, R>): void {
    const hosts = [...new Set(entry.hosts?.map((host) => host.toLowerCase()))];
    const isHostFirst = this.#mode === "radixtree_host_uri";
    const tables = isHostFirst && hosts.length > 0 ? hosts : [""];
    for (const uri of entry.uris) {
      const parsed = parsePattern(uri, this.#mode);
      for (const host of tables) {
        // The host of a request has no port, so such a host never matches here (APISIX does the same).
        if (isPortHost(host)) continue;
        const candidate = new Candidate<P, R>({
          payload: entry.payload,
          id: owner.id,
          host,
          priority: entry.priority ?? 0,
          sequence: owner.sequence,
          ordinal: owner.nextOrdinal++,
          parsed,
          methods: entry.methods?.length ? new Set(entry.methods) : null,
          hosts: isHostFirst ? null : buildHostFilter(hosts),
          accepts: entry.accepts ?? null,
        });
        owner.candidates.push(candidate);
        this.#table(host).add(candidate);
      }
    }
    owner.entries++;
    this.#size++;
  }

  /** Leaves the owner without candidates; they stay in the tables until dropped. */
  #takeAll(owner: Owner<P, R>): readonly Candidate<P, R>[] {
    const taken = owner.candidates;
    owner.candidates = [];
    this.#size -= owner.entries;
    owner.entries = 0;
    return taken;
  }

  #drop(candidates: readonly Candidate<P, R>[]): void {
    for (const candidate of candidates) {
      const table = this.#table(candidate.host);
      table.remove(candidate);
      if (table.isEmpty) this.#dropTable(candidate.host);
    }
  }

  /** The table of a host pattern, made when there is none. */
  #table(host: string): PathTable<P, R> {
    if (host === "") return this.#anyHost;
    const suffix = host.startsWith("*") ? reverse(host.slice(1)) : null;
    const known = suffix === null ? this.#exactHosts.get(host) : this.#hostSuffixes.get(suffix);
    if (known) return known;
    const table = new PathTable<P, R>();
    if (suffix === null) this.#exactHosts.set(host, table);
    else this.#hostSuffixes.set(suffix, table);
    return table;
  }

  #dropTable(host: string): void {
    if (host.startsWith("*")) this.#hostSuffixes.delete(reverse(host.slice(1)));
    else this.#exactHosts.delete(host);
  }
}

function isPortHost(host: string): boolean {
  return host.includes(":") && !host.endsWith("]");
}

function reverse(text: string): string {
  return Array.from(text).reverse().join("");
}
