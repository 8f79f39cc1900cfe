import type { ClassicChain } from "@catena/schema";
import type { AuthoredPlugins, RouteFields } from "../resources.ts";

/** What a chain's route is, besides what the chain decides itself. */
type OfRoute = Omit<RouteFields, "uri" | "uris" | "methods" | "plugins" | "upstream_id">;

/** The route a chain answers, and what holds for the chain as a whole. */
export interface ChainOptions<P extends string> extends OfRoute, ClassicOptions {
  /** The route's id, by which `sub` calls the chain; without it, the export's name. */
  readonly id?: string;
  /** Path or paths of the route: `/checkout`, `/users/:id`, `/files/*`. */
  readonly route: P | readonly P[];
  readonly methods?: RouteFields["methods"];
  /** Plugins of the route besides the chain. */
  readonly plugins?: AuthoredPlugins;
  /** Milliseconds for the whole chain; default 30 000. */
  readonly deadline?: number;
}

interface ClassicOptions {
  /** Request header that holds the token for the services; without it, `Authorization`. */
  readonly tokenHeader?: string;
  /** What errors say of a service: its name (`named`, the default), or its URL as the Lua plugin. */
  readonly errorBodies?: ClassicChain["error_bodies"];
}

/** Splits a chain's options into what the route gets and what the chain gets. */
export function splitOptions(options: ChainOptions<string>): {
  readonly route: Readonly<Record<string, unknown>>;
  readonly plugins: AuthoredPlugins;
} {
  const { id, route, plugins, deadline, tokenHeader, errorBodies, ...rest } = options;
  const paths = typeof route === "string" ? { uri: route } : { uris: route };
  return { route: { ...paths, ...rest }, plugins: plugins ?? {} };
}
