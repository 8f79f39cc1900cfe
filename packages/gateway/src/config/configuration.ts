import type {
  PhaseHandlers,
  PluginRecords,
  RequestContext,
  TargetResolver,
  TraceSink,
} from "@catena/pipeline";
import { ConsumerIndex, plugins, requestMetrics } from "@catena/plugins";
import { createRouter, type Router } from "@catena/router";
import { formatName, type Kind, kindNames, type ResourceKey, referencesOf } from "@catena/schema";
import type { Change } from "@catena/store";
import type { HealthReport, Resolver, Transport, UpstreamRuntime } from "@catena/upstream";
import { ApiDocument, describedKinds } from "../control/api-document.ts";
import type { GatewayStatus } from "../control/control-plane.ts";
import { createOwnPages } from "../control/own-pages.ts";
import type { ControlSource } from "../control/v1-api.ts";
import { parseListen } from "../listen.ts";
import type { Log } from "../log.ts";
import { clientScheme } from "../request/peer-trust.ts";
import type { Settings } from "../settings/settings.ts";
import { SurvivorPool } from "../survivors.ts";
import type { Certificates } from "../tls/certificates.ts";
import { ChainIndex } from "./chain-index.ts";
import { identifies, owned } from "./consumer-plans.ts";
import { Dependents } from "./dependents.ts";
import type { Fault } from "./fault-list.ts";
import { PluginLives } from "./plugin-lives.ts";
import { unknownPlugin } from "./plugin-set.ts";
import type { ResourceTable } from "./resource-table.ts";
import { RouteCompiler } from "./route-compiler.ts";
import type { RoutePlan } from "./route-plan.ts";
import { type RouteEntry, routerEntry } from "./router-entries.ts";
import type { SyncTarget } from "./sync.ts";

export interface ConfigurationOptions {
  readonly settings: Settings;
  /** Filled by the configuration alone; given because upstreams' certificates are read from it. */
  readonly table: ResourceTable;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly upstreams: UpstreamRuntime;
  readonly records: PluginRecords;
  /** Kept up to date with the items that clients over TLS are served by. */
  readonly certificates: Certificates;
  /** `null`: nobody looks at traces. */
  readonly traces: TraceSink | null;
  /** Memory in which the workers of a gateway count together. */
  readonly sharedCounts?: Int32Array | undefined;
  /** The handlers of every request in flight. */
  readonly inUse: () => Iterable<PhaseHandlers>;
  readonly log: Log;
}

/** Most findings of a sort that `/status` lists; the first ones tell what is wrong. */
const maxListed = 100;

/** Kinds whose plugins run on routes that do not name them. */
const pluginHolders = [
  "routes",
  "services",
  "plugin_configs",
  "global_rules",
  "consumer_groups",
  "consumers",
] as const satisfies readonly Kind[];

/**
 * Everything that is served, and the only thing that changes it. A batch of changes is applied in one
 * synchronous step: no request can see half of it (docs/decisions/0002).
 */
export class Configuration implements SyncTarget {
  readonly #table: ResourceTable;
  readonly #dependents = new Dependents();
  readonly #chains = new ChainIndex();
  readonly #survivors: SurvivorPool;
  readonly #consumers = new ConsumerIndex(plugins.registry);
  readonly #router: Router<RouteEntry, RequestContext>;
  readonly #entries = new Map<string, RouteEntry>();
  readonly #compiler: RouteCompiler;
  readonly #lives: PluginLives;
  readonly #document: ApiDocument;
  readonly #prefix: string;
  readonly #unknownPlugins: Settings["unknownPlugins"];
  readonly #upstreams: UpstreamRuntime;
  readonly #certificates: Certificates;
  readonly #log: Log;
  /** `undefined`: not compiled yet. */
  #unmatched: RoutePlan | null | undefined;
  #loaded = false;

  constructor(options: ConfigurationOptions) {
    const { settings, log } = options;
    this.#log = log;
    this.#prefix = settings.prefix;
    this.#unknownPlugins = settings.unknownPlugins;
    this.#upstreams = options.upstreams;
    this.#certificates = options.certificates;
    this.#table = options.table;
    this.#router = createRouter<RouteEntry, RequestContext>(settings.router);
    this.#survivors = new SurvivorPool(options.sharedCounts ?? null);
    this.#lives = new PluginLives(options.inUse, log);
    const { table } = options;
    this.#document = new ApiDocument(settings.router, (kind) =>
      [...table.entries(kind)].map(([id]) => [id, table.item(kind, id)?.value]),
    );
    const { verify, ca } = settings.tls;
    this.#compiler = new RouteCompiler({
      ...options,
      tls: ca === null ? { verify } : { verify, ca },
      lives: this.#lives,
      survivors: this.#survivors,
      consumers: this.#consumers,
      chains: this.#chains,
      chainBounds: settings.limits,
      serverTiming: settings.serverTiming,
      unknownPlugins: settings.unknownPlugins,
      ownPage: createOwnPages(this.#document, () => this.#metrics()),
      httpsPort: httpsPortOf(settings),
      schemeOf: clientScheme(settings),
    });
  }

  /** Whether the store was read at least once. */
  get loaded(): boolean {
    return this.#loaded;
  }

  keys(): Iterable<string> {
    return this.#table.keys();
  }

  modRevision(key: string): number | undefined {
    return this.#table.modRevision(key);
  }

  prepare(changes: readonly Change[]): Promise<void> | null {
    return this.#table.prepare(changes);
  }

  apply(changes: readonly Change[]): void {
    const changed: ResourceKey[] = [];
    for (const change of changes) {
      const resource = this.#table.apply(change);
      if (resource !== null) changed.push(resource);
      else this.#reportRejection(change);
    }
    this.#update([...changed, ...this.#table.resolveOutdated()]);
    this.#loaded = true;
  }

  /** Secrets that resources refer to are others than before: what is made from them is made anew. */
  secretsChanged(): void {
    this.#update(this.#table.resolveOutdated());
  }

  #update(changed: readonly ResourceKey[]): void {
    const renamed = changed.flatMap((resource) => this.#index(resource));
    const affected = this.#affected(changed, renamed);
    for (const resource of affected) this.#refresh(resource);
    // Plans depend on these without naming them.
    const kinds = new Set(affected.map(({ kind }) => kind));
    if (kinds.has("global_rules") || kinds.has("plugin_metadata")) this.#forgetPlans();
    if (kinds.has("consumers") || kinds.has("consumer_groups")) this.#compiler.forgetConsumers();
    if (describedKinds.some((kind) => kinds.has(kind))) this.#document.forget();
  }

  /** Finds the route of a request and, compiling it on first use, its plan. */
  match(ctx: RequestContext): RoutePlan | null {
    const match = this.#router.match(ctx.host, ctx.path, ctx.method, ctx, ctx.rawHost);
    if (match === null) {
      this.#unmatched ??= this.#compiler.compileUnmatched();
      return this.#unmatched;
    }
    const entry = match.payload;
    entry.plan ??= this.#compiler.compile(entry.id);
    const { plan } = entry;
    ctx.routeId = entry.id;
    ctx.routeName = plan.routeName;
    ctx.serviceId = plan.serviceId;
    ctx.serviceName = plan.serviceName;
    ctx.matchedUri = match.pattern;
    const params = match.params(ctx.path);
    if (params !== null) ctx.params = params;
    return plan;
  }

  /** Destinations of calls that are part of no route's plan; they follow the configuration. */
  targets(): TargetResolver {
    return this.#compiler.targets();
  }

  /** What Prometheus reads of this process. */
  #metrics(): string {
    return requestMetrics({ survivors: this.#survivors }).text({
      nodeHealth: () => this.#upstreams.healthReports(),
    });
  }

  /** Ends what plugins have running, once no request is left. */
  close(): Promise<void> {
    return this.#lives.close();
  }

  /** What is served, as an OpenAPI document for whoever reaches the data plane at `server`. */
  apiDocument(server: string): Promise<string> {
    return this.#document.text(server);
  }

  /** What the Control API shows. */
  controlSource(): ControlSource {
    const table = this.#table;
    return {
      prefix: this.#prefix,
      item: (kind, id) => table.item(kind, id),
      items: (kind) =>
        [...table.entries(kind)].flatMap(([id]) => {
          const item = table.item(kind, id);
          return item === null ? [] : [item];
        }),
      health: () => this.#health(),
    };
  }

  /** Owners with checks that were not used yet have no nodes, as in APISIX. */
  #health(): readonly HealthReport[] {
    const reports = new Map(this.#upstreams.healthReports().map((one) => [one.owner, one]));
    const owners = [
      ...[...this.#table.entries("upstreams")].map(
        ([id, value]) => [`upstreams/${id}`, value] as const,
      ),
      ...[...this.#table.entries("services")].map(
        ([id, { upstream }]) => [`services/${id}`, upstream] as const,
      ),
      ...[...this.#table.entries("routes")].map(
        ([id, { upstream }]) => [`routes/${id}`, upstream] as const,
      ),
    ];
    return owners.flatMap(([owner, upstream]) => {
      const type = upstream?.checks?.active?.type ?? "http";
      return upstream?.checks === undefined
        ? []
        : [reports.get(owner) ?? { owner, type, nodes: [] }];
    });
  }

  describe(): Pick<GatewayStatus, "resources" | "rejected" | "unserved" | "dangling" | "secrets"> {
    return {
      resources: Object.fromEntries(
        kindNames.map((kind) => [kind, this.#table.count(kind)] as const).filter(([, n]) => n > 0),
      ),
      rejected: [...this.#table.rejected.values()].map((item) => ({
        ...item,
        serving_previous: this.#table.servesPrevious(item.key),
      })),
      unserved: this.#findUnserved(),
      dangling: this.#findDangling(),
      secrets: {
        references: this.#table.secrets.size,
        unresolved: this.#table.secrets.unresolved(maxListed),
      },
    };
  }

  /** What is part of every route's plan changed: all of them are compiled anew when next used. */
  #forgetPlans(): void {
    this.#compiler.forgetGlobal();
    this.#unmatched = undefined;
    for (const entry of this.#entries.values()) this.#dropPlan(entry);
  }

  #dropPlan(entry: RouteEntry): void {
    if (entry.plan !== null) this.#compiler.retire(entry.plan);
    entry.plan = null;
  }

  /** @returns names under which others may mean the resource beside its own. */
  #index(resource: ResourceKey): readonly ResourceKey[] {
    const value = this.#table.get(resource.kind, resource.id);
    this.#dependents.set(
      resource,
      value === undefined ? [] : referencesOf(resource.kind, value, { registry: plugins.registry }),
    );
    const name = formatName(resource);
    if (value === undefined) {
      this.#survivors.drop(name);
      this.#upstreams.removed(name);
    } else this.#upstreams.changed(name);
    this.#compiler.forget(resource);
    const { kind, id } = resource;
    if (kind === "ssls") this.#certificates.set(id, this.#table.get(kind, id));
    if (kind === "consumers") this.#consumers.setConsumer(id, this.#table.get(kind, id));
    if (kind === "credentials") this.#consumers.setCredential(id, this.#table.get(kind, id));
    if (kind !== "routes") return [];
    return this.#chains.set(id, this.#table.get(kind, id)).map((chain) => ({ kind, id: chain }));
  }

  /** The changed resources and everything that is made from them, each once. */
  #affected(
    changed: readonly ResourceKey[],
    renamed: readonly ResourceKey[],
  ): readonly ResourceKey[] {
    const affected = new Map<string, ResourceKey>();
    for (const resource of changed) affected.set(formatName(resource), resource);
    const names = [...changed, ...renamed];
    // Grows while it is gone through: what uses a chain may itself be used under another name.
    for (const name of names) {
      this.#dependents.visit(name, (dependent) => {
        if (affected.has(formatName(dependent))) return;
        affected.set(formatName(dependent), dependent);
        const { kind, id } = dependent;
        const chain = kind === "routes" ? this.#chains.chainOf(id) : undefined;
        if (chain !== undefined) names.push({ kind, id: chain });
      });
    }
    return [...affected.values()];
  }

  #refresh({ kind, id }: ResourceKey): void {
    // A route's own upstream may name a certificate that changed.
    this.#compiler.forget({ kind, id });
    if (kind !== "routes") return;
    const known = this.#entries.get(id);
    if (known !== undefined) this.#dropPlan(known);
    const route = this.#table.get("routes", id);
    if (route === undefined || route.status === 0) {
      this.#router.remove(id);
      this.#entries.delete(id);
      return;
    }
    const entry: RouteEntry = { id, plan: null };
    this.#entries.set(id, entry);
    this.#router.replace(id, [routerEntry(entry, route, this.#table)]);
  }

  #reportRejection(change: Change): void {
    if (change.kind !== "put") return;
    const rejected = this.#table.rejected.get(change.entry.key);
    if (rejected?.revision !== change.entry.modRevision) return;
    this.#log.error("a stored item is refused", {
      key: rejected.key,
      revision: rejected.revision,
      reason: rejected.reason,
      serving_previous: this.#table.servesPrevious(rejected.key),
    });
  }

  /** Plugins this build lacks are found at once, other faults when something is first compiled. */
  #findUnserved(): readonly Fault[] {
    const found = new Map<string, Fault>();
    const note = (fault: Fault) => found.set(`${fault.resource} ${fault.reason}`, fault);
    for (const kind of pluginHolders) {
      for (const [id, value] of this.#table.entries(kind)) {
        for (const plugin of owned(value.plugins, formatName({ kind, id }))) {
          const reason = unknownPlugin(plugin, this.#unknownPlugins);
          if (reason !== null && !(kind === "consumers" && identifies(plugin.name))) {
            note({ resource: plugin.owner, reason: `${plugin.name}: ${reason}` });
          }
          if (found.size === maxListed) return [...found.values()];
        }
      }
    }
    for (const fault of this.#compiler.faults) note(fault);
    for (const fault of this.#certificates.faults()) note(fault);
    for (const fault of this.#table.sealed()) note(fault);
    for (const [id] of this.#table.entries("stream_routes")) {
      if (found.size >= maxListed) break;
      const reason = "TCP and UDP are not served; the stream route is kept for others";
      note({ resource: formatName({ kind: "stream_routes", id }), reason });
    }
    return [...found.values()].slice(0, maxListed);
  }

  #exists({ kind, id }: ResourceKey): boolean {
    if (this.#table.get(kind, id) !== undefined) return true;
    return kind === "routes" && this.#chains.routeOf(id) !== id;
  }

  #findDangling(): GatewayStatus["dangling"] {
    const dangling: { resource: string; missing: string }[] = [];
    for (const kind of kindNames) {
      for (const [id, value] of this.#table.entries(kind)) {
        for (const target of referencesOf(kind, value, { id, registry: plugins.registry })) {
          if (this.#exists(target)) continue;
          dangling.push({ resource: formatName({ kind, id }), missing: formatName(target) });
          if (dangling.length === maxListed) return dangling;
        }
      }
    }
    return dangling;
  }
}

/** Where clients reach us by https; 443 where nothing else is known. */
function httpsPortOf({ tlsListen, ssl }: Settings): number {
  const port = tlsListen === null ? 0 : parseListen(tlsListen).port;
  return ssl.publicPort ?? (port === 0 ? 443 : port);
}
