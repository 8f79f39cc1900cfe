import type { Checked } from "@catena/errors";
import type { JsonObject, Kind, Upstream } from "@catena/schema";
import type { HealthReport, UpstreamPlan } from "@catena/upstream";
import type { ConsumerDirectory } from "./consumer.ts";
import type { HeaderHandler, LogHandler, RequestHandler } from "./phase.ts";
import type { GatewayReply } from "./reply.ts";
import type { RequestContext } from "./request-context.ts";
import type { TargetResolver } from "./target.ts";
import type { TraceSink } from "./trace-sink.ts";

/** What a plugin gets to build its handlers with, once per route and snapshot. */
export interface PluginServices {
  /** `routes/checkout`: whose plugin this is; part of the key of surviving state. */
  readonly owner: string;
  readonly targets: TargetResolver;
  /** Upstreams that a plugin may send the client's request to in place of the route's. */
  readonly upstreams: UpstreamDirectory;
  /** A stored step chain by id, for `sub`; `null` when there is none. */
  chain(id: string): unknown;
  readonly survivors: Survivors;
  /**
   * The consumers of the moment: a directory that follows the configuration, so that a plan need not
   * be compiled anew when a key changes.
   */
  readonly consumers: ConsumerDirectory;
  /** The plugin's metadata of the moment; `null` when there is none. Follows the configuration too. */
  metadata(plugin: string): JsonObject | null;
  /** A stored resource as it may be shown to others: without its secrets; `null` for none. */
  resource(kind: Kind, id: string): JsonObject | null;
  /** The health of the nodes of every checked upstream. */
  nodeHealth(): readonly HealthReport[];
  /** Absent where there is no store to write to. */
  readonly records?: PluginRecords;
  /** A page that the gateway has of itself, by path (`/openapi.json`); absent where it has none. */
  readonly ownPage?: (path: string) => OwnPage | null;
  readonly log: PluginLog;
  /** What the client used towards the first proxy that is believed; when not given, what it used towards us. */
  readonly schemeOf?: (ctx: RequestContext) => string;
  /** Port at which clients reach us by https; 443 when not given. */
  readonly httpsPort?: number;
  /** Bounds of chains that set none themselves. */
  readonly chainBounds?: ChainBounds;
  /** The secrets in a stored configuration that were references to them; absent: there are none. */
  secretTexts?(conf: object): ReadonlySet<string>;
  /** Absent where nobody looks at traces: then none are made. */
  readonly traces?: TraceSink;
  /** Whether every chain says in `Server-Timing` how its steps went, not only those that ask for it. */
  readonly serverTiming?: boolean;
}

/** Answers with what the gateway tells of itself at this moment. */
export type OwnPage = () => GatewayReply | Promise<GatewayReply>;

/**
 * Upstreams made ready when a plugin's handlers are, with the balancing, health checks and retries that
 * a route's own would have. They are for {@link RequestContext.decideSending}.
 */
export interface UpstreamDirectory {
  /** `null` when there is no upstream of that id; issues when there is and it can't be served. */
  stored(id: string): Checked<UpstreamPlan> | null;
  /**
   * An upstream that the plugin's own configuration holds.
   *
   * @param name tells it from others of the same owner, and stays the same for the same one.
   */
  inline(name: string, upstream: Upstream): Checked<UpstreamPlan>;
}

/** What a gateway lets chains grow to; sizes in bytes, times in milliseconds. */
export interface ChainBounds {
  readonly steps: number;
  readonly subDepth: number;
  readonly eachItems: number;
  readonly eachConcurrency: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly mergedBytes: number;
  readonly jsonDepth: number;
  readonly deadlineMs: number;
  /** Of one attempt of a call that sets none itself. */
  readonly timeoutMs: number;
}

/**
 * Texts by key that outlive the process: what a plugin must not lose. Keys start with `/catena/` and
 * the plugin's subject; a change that resolved is kept.
 */
export interface PluginRecords {
  /** @throws what the store throws */
  put(key: string, value: string): Promise<void>;
  /** @throws what the store throws */
  remove(key: string): Promise<void>;
}

/**
 * State that outlives a configuration change: counters, breakers, caches. Keyed by plugin, owner and
 * name, and kept as long as its owner is configured.
 */
export interface Survivors {
  get<T>(plugin: string, owner: string, make: () => T): T;
  /** Memory in which all workers of a gateway count together; absent where one process is all. */
  readonly shared?: Int32Array;
}

/** One line per event; values must never be secrets. */
export interface PluginLog {
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** The handlers a plugin needs; what it leaves out costs nothing. */
export interface PluginHandlers {
  readonly rewrite?: RequestHandler;
  readonly access?: RequestHandler;
  readonly beforeProxy?: RequestHandler;
  readonly headerFilter?: HeaderHandler;
  readonly bodyFilter?: HeaderHandler;
  readonly log?: LogHandler;
  /**
   * Called once, when the configuration that made the handlers is gone, or the gateway stops, and no
   * request is in a phase of theirs any more; bodies of replies may still be on their way. What it
   * returns is waited for when the gateway stops.
   */
  readonly dispose?: () => void | Promise<void>;
}

/**
 * A plugin: APISIX's name and priority, and a factory that does all deciding once, so that the
 * handlers it returns only act. The schema lives in the registry of `@catena/schema`.
 */
export interface Plugin<Conf> {
  readonly name: string;
  readonly priority: number;
  create(conf: Conf, services: PluginServices): Checked<PluginHandlers>;
}
