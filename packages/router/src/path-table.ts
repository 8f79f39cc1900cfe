import type { Candidate } from "./candidate.ts";
import { insertRanked, removeRanked } from "./match-order.ts";
import { PrefixTable } from "./prefix-table.ts";

/** All candidates of one host: exact paths by map, prefixes by their own table. */
export class PathTable<P, R> {
  readonly #exact = new Map<string, Candidate<P, R>[]>();
  readonly #prefixes = new PrefixTable<Candidate<P, R>[]>();

  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#prefixes.size === 0;
  }

  add(candidate: Candidate<P, R>): void {
    const { isExact, literal } = candidate.parsed;
    const list = isExact ? this.#exact.get(literal) : this.#prefixes.get(literal);
    if (list) insertRanked(list, candidate);
    else if (isExact) this.#exact.set(literal, [candidate]);
    else this.#prefixes.set(literal, [candidate]);
  }

  remove(candidate: Candidate<P, R>): void {
    const { isExact, literal } = candidate.parsed;
    const list = isExact ? this.#exact.get(literal) : this.#prefixes.get(literal);
    if (!list) return;
    removeRanked(list, candidate);
    if (list.length > 0) return;
    if (isExact) this.#exact.delete(literal);
    else this.#prefixes.delete(literal);
  }

  /** The first candidate that takes the request; an exact path is matched without allocating. */
  match(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost: string,
  ): Candidate<P, R> | null {
    const exact = this.#exact.get(path);
    if (exact !== undefined) {
      const found = firstTaker(exact, host, path, method, request, rawHost);
      if (found !== null) return found;
    }
    if (this.#prefixes.size === 0) return null;
    return this.#matchPrefix(host, path, method, request, rawHost);
  }

  /** Apart from `match`, which would make a scope for this closure at every call of it. */
  #matchPrefix(
    host: string,
    path: string,
    method: string,
    request: R,
    rawHost: string,
  ): Candidate<P, R> | null {
    return this.#prefixes.find(path, (list) =>
      firstTaker(list, host, path, method, request, rawHost),
    );
  }

  /**
   * Exact paths come first whatever their priority, then prefixes, longest first.
   *
   * @param visit called with each list in that order until it returns something.
   */
  find<T>(path: string, visit: (list: readonly Candidate<P, R>[]) => T | null): T | null {
    const exact = this.#exact.get(path);
    const found = exact === undefined ? null : visit(exact);
    return found ?? this.#prefixes.find(path, visit);
  }
}

function firstTaker<P, R>(
  list: readonly Candidate<P, R>[],
  host: string,
  path: string,
  method: string,
  request: R,
  rawHost: string,
): Candidate<P, R> | null {
  for (const candidate of list) {
    if (candidate.refusal(host, path, method, request, rawHost) === null) return candidate;
  }
  return null;
}
