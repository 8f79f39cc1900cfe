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
  type UpstreamDirectory,
} from "@catena/pipeline";
import { formatName, isJsonObject, type ResourceKey, type Upstream } from "@catena/schema";
import {
  compileTimeouts,
  type Resolver,
  type TlsDefaults,
  type Transport,
  type UpstreamPlan,
  type UpstreamRuntime,
} from "@catena/upstream";
import type { Log } from "../log.ts";
import { secretTextsOf } from "../secrets/resolve-document.ts";
import type { SurvivorPool } from "../survivors.ts";
import type { ChainIndex } from "./chain-index.ts";
import { ConsumerPlans, owned } from "./consumer-plans.ts";
import { effectiveRoute, type UpstreamChoice } from "./effective-route.ts";
import { type Fault, FaultList } from "./fault-list.ts";
import type { PluginLife, PluginLives } from "./plugin-lives.ts";
import {
  compilePlugins,
  joinPhases,
  type OwnedPlugin,
  type PluginSetOptions,
} from "./plugin-set.ts";
import { PluginUpstreams } from "./plugin-upstreams.ts";
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
  readonly ownPage: NonNullable<PluginServices["ownPage"]>;
  /** Where clients reach us by https. */
  readonly httpsPort: number;
  readonly schemeOf: NonNullable<PluginServices["schemeOf"]>;
  /** For plugins' calls to URIs by https. */
  readonly tls: TlsDefaults;
  readonly lives: PluginLives;
  readonly log: Log;
}

/** All global rules, made ready. */
interface GlobalRules {
  readonly handlers: PhaseHandlers;
  readonly life: PluginLife;
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
  readonly #pluginUpstreams: PluginUpstreams;
  /** What ends with a plan. */
  readonly #ends = new WeakMap<RoutePlan, () => void>();
  readonly #faults = new FaultList();
  /** `undefined`: not compiled yet. */
  #global: GlobalRules | null | undefined;
  #consumerGeneration = 0;

  constructor(options: RouteCompilerOptions) {
    this.#options = options;
    this.#pluginUpstreams = new PluginUpstreams(options.upstreams);
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
    if (this.#options.table.get(resource.kind, resource.id) === undefined)
      this.#pluginUpstreams.removed(name);
    else this.#pluginUpstreams.changed(name);
  }

  /** A plan is no longer handed out: its plugins end with the requests that have it. */
  retire(plan: RoutePlan): void {
    this.#ends.get(plan)?.();
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
    if (this.#global) this.#options.lives.retire(this.#global.life);
    this.#global = undefined;
  }

  /** @returns a plan for every route of the table; what can't be served answers with a status. */
  compile(id: string): RoutePlan {
    const { table, lives } = this.#options;
    const route = table.get("routes", id);
    // A matched route is in the table: both change in the same synchronous step.
    if (route === undefined) return unavailable(id, 404);
    const effective = effectiveRoute(id, route, table);
    if (effective.unavailable !== null) return unavailable(id, effective.unavailable);
    const upstream = effective.upstream === null ? null : this.#upstream(effective.upstream);
    if (effective.upstream !== null && upstream === null) return unavailable(id, 503);
    const global = this.#globalRules();
    const set = compilePlugins(effective.plugins, this.#plugins);
    if (set === null || global === null) return unavailable(id, 503);
    const life = lives.begin(set);
    const shared = [global.life, life];
    const consumers = new ConsumerPlans({
      own: effective.plugins,
      made: set.made,
      global: global.handlers,
      table,
      plugins: this.#plugins,
      lives,
      shared,
      generation: () => this.#consumerGeneration,
    });
    const handlers = joinPhases(global.handlers, set.handlers);
    lives.bind(handlers, shared);
    const plan: RoutePlan = {
      id,
      handlers,
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
    this.#ends.set(plan, () => {
      lives.retire(life);
      consumers.retire();
    });
    return plan;
  }

  /** The plan of requests that no route takes; `null` without global rules. */
  compileUnmatched(): RoutePlan | null {
    const global = this.#globalRules();
    if (global === null) return unavailable("", 503);
    const { handlers } = global;
    if (handlers === noHandlers) return null;
    return { ...unavailable("", 404), unavailable: null, handlers, isUnmatched: true };
  }

  /**
   * All global rules as one set. A plugin that two of them hold runs for neither, as in APISIX
   * (apisix/global_rules.lua); `null` when one can't run: then nothing is served.
   */
  #globalRules(): GlobalRules | null {
    if (this.#global !== undefined) return this.#global;
    const { table, lives, log } = this.#options;
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
    const set = compilePlugins(merged.values(), this.#plugins);
    if (set === null) {
      this.#global = null;
      return null;
    }
    this.#global = { handlers: set.handlers, life: lives.begin(set) };
    lives.bind(set.handlers, [this.#global.life]);
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
    const { resolver, transport, tls } = this.#options;
    return createTargets({ resolver, transport, tls, upstream: (id) => this.#stored(id) ?? null });
  }

  /** `undefined`: there is none of that id; `null`: it can't be served. */
  #stored(id: string): UpstreamPlan | null | undefined {
    const upstream = this.#options.table.get("upstreams", id);
    return upstream === undefined
      ? undefined
      : this.#upstream({ owner: `upstreams/${id}`, upstream });
  }

  /** Upstreams that an owner's plugins send requests to. */
  #upstreamsFor(owner: string): UpstreamDirectory {
    return {
      stored: (id) => {
        const plan = this.#stored(id);
        if (plan === undefined) return null;
        if (plan !== null) return { value: plan, issues: [] };
        // Why it can't be served was told when it was compiled.
        const message = `the upstream "${id}" can't be served`;
        return { issues: [{ path: "", code: "UPSTREAM_NOT_SERVED", message }] };
      },
      inline: (name, upstream) => this.#pluginUpstreams.inline(owner, name, upstream),
    };
  }

  #pluginServices(owner: string): PluginServices {
    const { survivors, consumers, records, log, table, chains, ...options } = this.#options;
    const { traces, chainBounds, serverTiming, ownPage, httpsPort, schemeOf } = options;
    return {
      owner,
      targets: this.targets(),
      upstreams: this.#upstreamsFor(owner),
      chain: (id) => table.get("routes", chains.routeOf(id))?.plugins?.["proxy-chain"] ?? null,
      survivors,
      consumers,
      metadata: (plugin) => table.get("plugin_metadata", plugin) ?? null,
      resource: (kind, id) => {
        const value = table.item(kind, id)?.value;
        return isJsonObject(value) ? value : null;
      },
      nodeHealth: () => this.#options.upstreams.healthReports(),
      records,
      ownPage,
      httpsPort,
      schemeOf,
      chainBounds,
      serverTiming,
      secretTexts: secretTextsOf,
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
