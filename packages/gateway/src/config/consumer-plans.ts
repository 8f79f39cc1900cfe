import type { Consumer, PhaseHandlers, RequestHandler } from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import type { PluginConfs } from "@catena/schema";
import type { PluginLife, PluginLives } from "./plugin-lives.ts";
import {
  compilePlugins,
  joinPhases,
  type OwnedPlugin,
  type PluginSet,
  type PluginSetOptions,
} from "./plugin-set.ts";
import type { ResourceTable } from "./resource-table.ts";

/** What changes for a request once it is known who asks. */
export interface ConsumerPlan {
  readonly handlers: PhaseHandlers;
  /** Rewrite handlers of plugins that the consumer brought along; the others ran already. */
  readonly rewrite: readonly RequestHandler[];
  /** The consumer's group is missing or one of its plugins can't run: 503, as APISIX answers. */
  readonly unavailable: boolean;
}

export interface ConsumerPlanOptions {
  /** The route's plugins, its service's and plugin config's among them. */
  readonly own: readonly OwnedPlugin[];
  readonly made: PluginSet["made"];
  readonly global: PhaseHandlers;
  readonly table: ResourceTable;
  readonly plugins: PluginSetOptions;
  readonly lives: PluginLives;
  /** Of the plugins that `made` and `global` have. */
  readonly shared: readonly PluginLife[];
  /** Another number once a consumer or a group has changed. */
  generation(): number;
}

/** Most consumers remembered per route; the rest is compiled again. */
const maxRemembered = 10_000;

/**
 * Merges a consumer's plugins, and its group's, over those of a route: consumer over group over route,
 * whole plugins at a time (apisix/plugin.lua, merge_consumer_route). Auth plugins do not run again.
 */
export class ConsumerPlans {
  readonly #options: ConsumerPlanOptions;
  readonly #plans = new Map<string, ConsumerPlan | null>();
  /** Of what consumers brought. */
  readonly #lives: PluginLife[] = [];
  #generation: number;
  #isRetired = false;

  constructor(options: ConsumerPlanOptions) {
    this.#options = options;
    this.#generation = options.generation();
  }

  /** @returns `null` when the consumer brings nothing. */
  of({ name, groupId }: Consumer): ConsumerPlan | null {
    const generation = this.#options.generation();
    if (generation !== this.#generation) {
      this.#forget();
      this.#generation = generation;
    }
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    const plan = this.#compile(name, groupId);
    if (this.#plans.size >= maxRemembered) this.#forget();
    this.#plans.set(name, plan);
    return plan;
  }

  /** The plan of the route is gone: what consumers brought ends with the last request. */
  retire(): void {
    this.#isRetired = true;
    this.#forget();
  }

  #forget(): void {
    this.#plans.clear();
    for (const life of this.#lives.splice(0)) this.#options.lives.retire(life);
  }

  #compile(name: string, groupId: string): ConsumerPlan | null {
    const { own, made, global, table, plugins: options, lives, shared } = this.#options;
    const group = groupId === "" ? undefined : table.get("consumer_groups", groupId);
    if (groupId !== "" && group === undefined) return unavailablePlan;
    const brought = [
      ...owned(group?.plugins, `consumer_groups/${groupId}`),
      ...owned(table.get("consumers", name)?.plugins, `consumers/${name}`),
    ].filter(({ name: plugin }) => !identifies(plugin));
    if (brought.length === 0) return null;
    const merged = new Map(own.map((plugin) => [plugin.name, plugin]));
    for (const plugin of brought) merged.set(plugin.name, plugin);
    const set = compilePlugins(merged.values(), options, made);
    if (set === null) return unavailablePlan;
    const before = new Set(own.map((plugin) => plugin.name));
    const rewrite: RequestHandler[] = [];
    for (const [plugin, { handlers }] of set.made) {
      if (handlers.rewrite === undefined || before.has(plugin.name)) continue;
      rewrite.push(handlers.rewrite);
    }
    const handlers = joinPhases(global, set.handlers);
    const life = lives.begin(set, made);
    lives.bind(handlers, [...shared, life]);
    // A request may come to know who asks only after the plan that it runs with was retired.
    if (this.#isRetired) lives.retire(life);
    else this.#lives.push(life);
    return { handlers, rewrite, unavailable: false };
  }
}

const unavailablePlan: ConsumerPlan = {
  handlers: { rewrite: [], access: [], beforeProxy: [], headerFilter: [], bodyFilter: [], log: [] },
  rewrite: [],
  unavailable: true,
};

/**
 * Auth plugins of APISIX that this build lacks. What a consumer holds of them says who it is and never
 * runs; a route that asks for one of them is not served.
 */
const foreignAuth = new Set(["ldap-auth", "ldap-auth-advanced", "wolf-rbac"]);

/** Whether a plugin of a consumer says who it is, and does nothing once that is known. */
export function identifies(plugin: string): boolean {
  return plugins.get(plugin)?.schema.type === "auth" || foreignAuth.has(plugin);
}

export function owned(confs: PluginConfs | undefined, owner: string): OwnedPlugin[] {
  return Object.entries(confs ?? {}).map(([name, conf]) => ({ name, conf, owner }));
}
