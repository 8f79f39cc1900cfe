import { formatIssue } from "@catena/errors";
import {
  type ConsumerDirectory,
  noHandlers,
  type PhaseHandlers,
  type PluginHandlers,
  type PluginRecords,
  type PluginServices,
} from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import { formatName, type PluginConfs, type ResourceKey, type Upstream } from "@catena/schema";
import {
  compileTimeouts,
  compileUpstream,
  type Resolver,
  type Transport,
  type UpstreamPlan,
} from "@catena/upstream";
import type { Log } from "../log.ts";
import type { SurvivorPool } from "../survivors.ts";
import { effectiveRoute, type UpstreamChoice } from "./effective-route.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { RoutePlan } from "./route-plan.ts";
import { createTargets } from "./targets.ts";

export interface RouteCompilerOptions {
  readonly table: ResourceTable;
  readonly survivors: SurvivorPool;
  readonly consumers: ConsumerDirectory;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly records: PluginRecords;
  readonly log: Log;
}

/**
 * Makes plans from resources. Upstreams are compiled once per owner and shared by all routes that use
 * them, so that round robin goes on across routes and configuration changes that leave them alone.
 */
export class RouteCompiler {
  readonly #options: RouteCompilerOptions;
  /** By owner (`upstreams/1`, `routes/1`, …); `null` for one that can't be served. */
  readonly #upstreams = new Map<string, UpstreamPlan | null>();

  constructor(options: RouteCompilerOptions) {
    this.#options = options;
  }

  /** Forgets what was compiled from a resource that changed. */
  forget(resource: ResourceKey): void {
    this.#upstreams.delete(formatName(resource));
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
    const handlers = this.#handlers(`routes/${id}`, effective.plugins);
    if (handlers === null) return unavailable(id, 503);
    return {
      id,
      handlers,
      upstream,
      timeouts: compileTimeouts(effective.timeout) ?? null,
      unavailable: null,
    };
  }

  #upstream({ owner, upstream }: UpstreamChoice): UpstreamPlan | null {
    const known = this.#upstreams.get(owner);
    if (known !== undefined) return known;
    const plan = this.#compileUpstream(owner, upstream);
    this.#upstreams.set(owner, plan);
    return plan;
  }

  #compileUpstream(owner: string, upstream: Upstream): UpstreamPlan | null {
    const { resolver, log } = this.#options;
    const { value, issues } = compileUpstream(upstream, { resolver, random: Math.random });
    if (value !== undefined) return value;
    log.error("an upstream can't be served", { owner, reason: issues.map(formatIssue).join("; ") });
    return null;
  }

  /** Handlers of all plugins, highest priority first; `null` when one of them can't run. */
  #handlers(owner: string, confs: PluginConfs): PhaseHandlers | null {
    const { log } = this.#options;
    const services = this.#pluginServices(owner);
    const made: { priority: number; handlers: PluginHandlers }[] = [];
    for (const [name, conf] of Object.entries(confs)) {
      const meta = readMeta(conf);
      const plugin = plugins.get(name);
      // Unknown plugins were reported when the route was accepted; the route serves without them.
      if (plugin === undefined || meta.disabled) continue;
      const { value, issues } = plugin.create(conf, services);
      if (value === undefined) {
        log.error("a plugin can't run", {
          owner,
          plugin: name,
          reason: issues.map(formatIssue).join("; "),
        });
        return null;
      }
      made.push({ priority: meta.priority ?? plugin.schema.priority, handlers: value });
    }
    made.sort((a, b) => b.priority - a.priority);
    return collectPhases(made.map((entry) => entry.handlers));
  }

  #pluginServices(owner: string): PluginServices {
    const { resolver, transport, survivors, consumers, records, log, table } = this.#options;
    return {
      owner,
      targets: createTargets({
        resolver,
        transport,
        upstream: (id) => {
          const upstream = table.get("upstreams", id);
          return upstream === undefined
            ? null
            : this.#upstream({ owner: `upstreams/${id}`, upstream });
        },
      }),
      chain: (id) => table.get("routes", id)?.plugins?.["proxy-chain"] ?? null,
      survivors,
      consumers,
      metadata: (plugin) => table.get("plugin_metadata", plugin) ?? null,
      records,
      log,
    };
  }
}

interface PluginMeta {
  readonly disabled: boolean;
  readonly priority: number | undefined;
}

/** The part of `_meta` that decides about compiling (apisix/plugin.lua). */
function readMeta(conf: unknown): PluginMeta {
  const meta =
    typeof conf === "object" && conf !== null && "_meta" in conf ? conf._meta : undefined;
  if (typeof meta !== "object" || meta === null) return { disabled: false, priority: undefined };
  return {
    disabled: "disable" in meta && meta.disable === true,
    priority: "priority" in meta && typeof meta.priority === "number" ? meta.priority : undefined,
  };
}

function collectPhases(plugins: readonly PluginHandlers[]): PhaseHandlers {
  const collect = <K extends keyof PhaseHandlers>(phase: K): NonNullable<PluginHandlers[K]>[] =>
    plugins.flatMap((handlers) => {
      const handler = handlers[phase];
      return handler === undefined ? [] : [handler];
    });
  return {
    rewrite: collect("rewrite"),
    access: collect("access"),
    beforeProxy: collect("beforeProxy"),
    headerFilter: collect("headerFilter"),
    bodyFilter: collect("bodyFilter"),
    log: collect("log"),
  };
}

function unavailable(id: string, status: number): RoutePlan {
  return { id, handlers: noHandlers, upstream: null, timeouts: null, unavailable: status };
}
