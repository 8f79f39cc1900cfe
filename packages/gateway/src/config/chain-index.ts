import { isJsonObject, type Route } from "@catena/schema";

/**
 * Routes by the id that their chain gives itself, which is what `sub` in other chains calls it. A chain
 * without one goes by its route's id and is not in here.
 */
export class ChainIndex {
  readonly #byChain = new Map<string, Set<string>>();
  readonly #byRoute = new Map<string, string>();

  /**
   * Takes in what a route is now; `undefined` when it is gone.
   *
   * @returns the ids under which another chain, or none, is found from now on.
   */
  set(routeId: string, route: Route | undefined): readonly string[] {
    const before = this.#byRoute.get(routeId);
    const now = chainIdOf(route);
    if (before === now) return now === undefined ? [] : [now];
    if (before !== undefined) this.#remove(before, routeId);
    if (now !== undefined) this.#add(now, routeId);
    return [before, now].filter((id) => id !== undefined);
  }

  /** The route of a chain; of several that call themselves the same, the first by id. */
  routeOf(chainId: string): string {
    const [first = chainId] = [...(this.#byChain.get(chainId) ?? [])].sort();
    return first;
  }

  /** What a route's chain calls itself. */
  chainOf(routeId: string): string | undefined {
    return this.#byRoute.get(routeId);
  }

  #add(chainId: string, routeId: string): void {
    this.#byRoute.set(routeId, chainId);
    const routes = this.#byChain.get(chainId);
    if (routes === undefined) this.#byChain.set(chainId, new Set([routeId]));
    else routes.add(routeId);
  }

  #remove(chainId: string, routeId: string): void {
    this.#byRoute.delete(routeId);
    const routes = this.#byChain.get(chainId);
    routes?.delete(routeId);
    if (routes?.size === 0) this.#byChain.delete(chainId);
  }
}

/** What the step chain of a route document calls itself; `undefined` where it does not, or is none. */
export function chainIdOf(route: unknown): string | undefined {
  const plugins = isJsonObject(route) ? route["plugins"] : undefined;
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : undefined;
  // A classic chain has members of its own choosing; `id` means something in a step chain only.
  if (!isJsonObject(conf) || !("steps" in conf)) return undefined;
  const { id } = conf;
  return typeof id === "string" ? id : undefined;
}
