import type { Checked } from "@catena/errors";
import type { JsonObject } from "@catena/schema";
import type { ConsumerDirectory } from "./consumer.ts";
import type { HeaderHandler, LogHandler, RequestHandler } from "./phase.ts";
import type { TargetResolver } from "./target.ts";
import type { TraceSink } from "./trace-sink.ts";

/** What a plugin gets to build its handlers with, once per route and snapshot. */
export interface PluginServices {
  /** `routes/checkout`: whose plugin this is; part of the key of surviving state. */
  readonly owner: string;
  readonly targets: TargetResolver;
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
  /** Absent where there is no store to write to. */
  readonly records?: PluginRecords;
  readonly log: PluginLog;
  /** Port at which clients reach us by https; 443 when not given. */
  readonly httpsPort?: number;
  /** Bounds of chains that set none themselves. */
  readonly chainBounds?: ChainBounds;
  /** Absent where nobody looks at traces: then none are made. */
  readonly traces?: TraceSink;
  /** Whether every chain says in `Server-Timing` how its steps went, not only those that ask for it. */
  readonly serverTiming?: boolean;
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
  /** Of one attempt of a call. */
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
  /** Called when the configuration that made the handlers is gone and its last request ended. */
  readonly dispose?: () => void;
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
