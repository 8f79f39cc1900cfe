import type { StoredChain } from "@catena/ir";
import type { ClassicChain } from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";
import type { AuthoredPlugins, RouteFields } from "../resources.ts";

/** What a chain's route is, besides what the chain decides itself. */
type OfRoute = Omit<RouteFields, "uri" | "uris" | "methods" | "plugins">;

/** The route a chain answers, and what holds for the chain as a whole. */
export interface ChainOptions<
  P extends string = string,
  D extends InputSchemas = InputSchemas,
  O extends TSchema | undefined = TSchema | undefined,
> extends OfRoute {
  /** The route's id; without it, the export's name. */
  readonly id?: string;
  /** What `sub` in other chains calls it; the route's id when left out. */
  readonly chainId?: string;
  /** Path or paths of the route: `/checkout`, `/users/:id`, `/files/*`. */
  readonly route: P | readonly P[];
  readonly methods?: RouteFields["methods"];
  /** Plugins of the route besides the chain. */
  readonly plugins?: AuthoredPlugins;
  /** Schemas of what the client sends; a breach is a 400 before the first call. */
  readonly input?: D;
  /** Schema of the reply's body: checked against `.reply` here, and published. */
  readonly output?: O;
  /** Milliseconds for the whole chain; default 30 000. */
  readonly deadline?: number;
  readonly limits?: ChainLimits;
  /**
   * When the client leaves: `safe` (the default) aborts calls that only read and lets the others
   * end, then stops; `abort` ends all; `finish` runs the chain to its end.
   */
  readonly onClientGone?: NonNullable<StoredChain["on_client_gone"]>;
  /**
   * Tells the client in `Server-Timing` how long each step took and how it ended: names and codes,
   * never values.
   */
  readonly serverTiming?: boolean;
  /** Request header that holds the token for the services; without it, `Authorization`. */
  readonly tokenHeader?: string;
  /**
   * What errors of the classic form say of a service: its name (`named`, the default), or its URL
   * as the Lua plugin does.
   */
  readonly errorBodies?: NonNullable<ClassicChain["error_bodies"]>;
}

export interface InputSchemas {
  readonly body?: TSchema;
  readonly query?: TSchema;
  readonly params?: TSchema;
  readonly headers?: TSchema;
}

/** Sizes in bytes. */
export interface ChainLimits {
  readonly requestBytes?: number;
  readonly responseBytes?: number;
  readonly mergedBytes?: number;
  readonly jsonDepth?: number;
  readonly subDepth?: number;
}

/** The fields of the route a chain is, without the chain. */
export function routeFields(options: ChainOptions): Readonly<Record<string, unknown>> {
  const {
    id,
    chainId,
    route,
    plugins,
    input,
    output,
    deadline,
    limits,
    onClientGone,
    serverTiming,
    tokenHeader,
    errorBodies,
    ...rest
  } = options;
  return { ...(typeof route === "string" ? { uri: route } : { uris: route }), ...rest };
}
