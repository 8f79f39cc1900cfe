import { formatIssue } from "@catena/errors";
import {
  type ChainBounds,
  type ConsumerDirectory,
  noHandlers,
  type PhaseHandlers,
  type PluginRecords,
  type PluginServices,
  type TargetResolver,
  type TraceSink,
} from "@catena/pipeline";
import { formatName, type ResourceKey, type Upstream } from "@catena/schema";
import {
  compileTimeouts,
  type Resolver,
  type Transport,
  type UpstreamPlan,
  type UpstreamRuntime,
} from "@catena/upstream";
import type { Log } from "../log.ts";
import type { SurvivorPool } from "../survivors.ts";
import type { ChainIndex } from "./chain-index.ts";
import { ConsumerPlans, owned } from "./consumer-plans.ts";
import { effectiveRoute, type UpstreamChoice } from "./effective-route.ts";
import { type Fault, FaultList } from "./fault-list.ts";
import {
  compilePlugins,
  joinPhases,
  type OwnedPlugin,
  type PluginSetOptions,
} from "./plugin-set.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { RoutePlan } from "./route-plan.ts";
import { createTargets } from "./targets.ts";

export interface RouteCompilerOptions {
  readonly table: ResourceTable;
  readonly survivors: SurvivorPool;
  readonly consumers: ConsumerDirectory;
  readonly chains: ChainIndex;
  readonly upstreams: UpstreamRuntime;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly records: PluginRecords;
  readonly traces: TraceSink | null;
  readonly chainBounds: ChainBounds;
  readonly serverTiming: boolean;
  readonly unknownPlugins: "refuse" | "skip";
  readonly log: Log;
}

/**
 * Makes plans from resources. Upstreams are compiled once per owner and shared by all routes that use
 * them, so that round robin goes on across routes and configuration changes that leave them alone.
 */
export class RouteCompiler {
  readonly #options: RouteCompilerOptions;
  readonly #plugins: PluginSetOptions;
  /** By owner (`upstreams/1`, `routes/1`, …); `null` for one that can't be served. */
  readonly #upstreams = new Map<string, UpstreamPlan | null>();
  readonly #faults = new FaultList();
  /** `undefined`: not compiled yet. */
  #global: PhaseHandlers | null | undefined;
  #consumerGeneration = 0;

  constructor(options: RouteCompilerOptions) {
    this.#options = options;
    this.#plugins = {
      services: (owner) => this.#pluginServices(owner),
      unknownPlugins: options.unknownPlugins,
      refuse: ({ owner, name }, reason) => {
        this.#faults.note(owner, name, reason);
        options.log.error("a plugin can't run", { owner, plugin: name, reason });
      },
    };
  }

  /** Forgets what was compiled from a resource that changed. */
  forget(resource: ResourceKey): void {
    const name = formatName(resource);
    this.#upstreams.delete(name);
    this.#faults.forget(name);
  }

  /** A consumer or a group changed, or what their plugins use: what was merged with routes is void. */
  forgetConsumers(): void {
    this.#consumerGeneration++;
  }

  /** What was found to be at fault since it last changed. */
  get faults(): Iterable<Fault> {
    return this.#faults;
  }

  /** Global rules changed: they are part of every plan. */
  forgetGlobal(): void {
    this.#global = undefined;
  }

  /** @returns a plan for every route of the table; what can't be served answers with a status. */
  compile(id: string): RoutePlan {
    const { table } = this.#options;
    const route = table.get("routes", id);
    // A matched route is in the table: both change in the same synchronous step.
    if (route === undefined) return unavailable(id, 404);
    const effective = effectiveRoute(id, route, table);
    if (effective.unavailable !== null) return unavailable(id, effective.unavailable);
    const upstream = effective.upstream === null ? null : this.#upstream(effective.upstream);
    if (effective.upstream !== null && upstream === null) return unavailable(id, 503);
    const global = this.#globalHandlers();
    const set = compilePlugins(effective.plugins, this.#plugins);
    if (set === null || global === null) return unavailable(id, 503);
    const consumers = new ConsumerPlans({
      own: effective.plugins,
      made: set.made,
      global,
      table,
      plugins: this.#plugins,
      generation: () => this.#consumerGeneration,
    });
    return {
      id,
      handlers: joinPhases(global, set.handlers),
      forConsumer: (consumer) => consumers.of(consumer),
      upstream,
      timeouts: compileTimeouts(effective.timeout) ?? null,
      webSocket: effective.webSocket,
      routeName: route.name ?? "",
      serviceId: effective.serviceId,
      serviceName: effective.serviceName,
      isUnmatched: false,
      unavailable: null,
    };
  }

  /** The plan of requests that no route takes; `null` without global rules. */
  compileUnmatched(): RoutePlan | null {
    const global = this.#globalHandlers();
    if (global === noHandlers) return null;
    if (global === null) return unavailable("", 503);
    return { ...unavailable("", 404), unavailable: null, handlers: global, isUnmatched: true };
  }

  /**
   * All global rules as one set. A plugin that two of them hold runs for neither, as in APISIX
   * (apisix/global_rules.lua); `null` when one can't run: then nothing is served.
   */
  #globalHandlers(): PhaseHandlers | null {
    if (this.#global !== undefined) return this.#global;
    const { table, log } = this.#options;
    const merged = new Map<string, OwnedPlugin>();
    const twice = new Set<string>();
    for (const [id, rule] of table.entries("global_rules")) {
      for (const plugin of owned(rule.plugins, `global_rules/${id}`)) {
        if (merged.has(plugin.name)) twice.add(plugin.name);
        else merged.set(plugin.name, plugin);
      }
    }
    for (const name of twice) {
      merged.delete(name);
      log.error("a plugin is in two global rules and runs for neither", { plugin: name });
    }
    this.#global = compilePlugins(merged.values(), this.#plugins)?.handlers ?? null;
    return this.#global;
  }

  #upstream({ owner, upstream }: UpstreamChoice): UpstreamPlan | null {
    const known = this.#upstreams.get(owner);
    if (known !== undefined) return known;
    const plan = this.#compileUpstream(owner, upstream);
    this.#upstreams.set(owner, plan);
    return plan;
  }

  #compileUpstream(owner: string, upstream: Upstream): UpstreamPlan | null {
    const { upstreams, log } = this.#options;
    const { value, issues } = upstreams.compile(owner, upstream);
    if (issues.length === 0 && value !== undefined) return value;
    const reason = issues.map(formatIssue).join("; ");
    if (value === undefined) {
      this.#faults.note(owner, "upstream", reason);
      log.error("an upstream can't be served", { owner, reason });
    } else log.warn("an upstream is served without something it asks for", { owner, reason });
    return value ?? null;
  }

  /** Destinations of calls; each is looked up when it is asked for. */
  targets(): TargetResolver {
    const { resolver, transport, table } = this.#options;
    return createTargets({
      resolver,
      transport,
      upstream: (id) => {
        const upstream = table.get("upstreams", id);
        return upstream === undefined
          ? null
          : this.#upstream({ owner: `upstreams/${id}`, upstream });
      },
    });
  }

  #pluginServices(owner: string): PluginServices {
    const { survivors, consumers, records, log, table, chains, ...options } = this.#options;
    const { traces, chainBounds, serverTiming } = options;
    return {
      owner,
      targets: this.targets(),
      chain: (id) => table.get("routes", chains.routeOf(id))?.plugins?.["proxy-chain"] ?? null,
      survivors,
      consumers,
      metadata: (plugin) => table.get("plugin_metadata", plugin) ?? null,
      records,
      chainBounds,
      serverTiming,
      ...(traces === null ? {} : { traces }),
      log,
    };
  }
}

function unavailable(id: string, status: number): RoutePlan {
  return {
    id,
    handlers: noHandlers,
    forConsumer: () => null,
    upstream: null,
    timeouts: null,
    webSocket: false,
    routeName: "",
    serviceId: "",
    serviceName: "",
    isUnmatched: false,
    unavailable: status,
  };
}
