import { Breaker } from "./policies/breaker.ts";
import type { Flights } from "./policies/coalesce.ts";
import { ResultCache } from "./policies/result-cache.ts";

/** What outlives a change of configuration: breakers, cached results, and calls being waited for. */
export interface SurvivingState {
  /** Whose it is; keeps results of several routes apart in one cache. */
  readonly owner: string;
  readonly cache: ResultCache;
  readonly flights: Flights;
  /** The breaker of a step, made on first use. @param place chain and step. */
  breaker(place: string): Breaker;
}

const CACHE_BYTES = 64 * 1024 * 1024;

/**
 * Makes the cache that the routes of a process share.
 *
 * @param maxBytes default 64 MiB, texts and bytes counted, objects estimated.
 */
export function createResultCache(maxBytes: number = CACHE_BYTES): ResultCache {
  return new ResultCache(maxBytes);
}

/** Makes the state of one route's chain; to be kept as long as the route is configured. */
export function createSurvivingState(
  owner: string,
  cache: ResultCache = createResultCache(),
): SurvivingState {
  const breakers = new Map<string, Breaker>();
  return {
    owner,
    cache,
    flights: new Map(),
    breaker: (place) => {
      let breaker = breakers.get(place);
      if (breaker === undefined) {
        breaker = new Breaker();
        breakers.set(place, breaker);
      }
      return breaker;
    },
  };
}
