import type { Consumer, PhaseHandlers, RequestHandler } from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import type { PluginConfs } from "@catena/schema";
import {
  compilePlugins,
  joinPhases,
  type OwnedPlugin,
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

/** Most consumers remembered per route; the rest is compiled again. */
const maxRemembered = 10_000;

/**
 * Merges a consumer's plugins, and its group's, over those of a route: consumer over group over route,
 * whole plugins at a time (apisix/plugin.lua, merge_consumer_route). Auth plugins do not run again.
 */
export class ConsumerPlans {
  readonly #own: readonly OwnedPlugin[];
  readonly #global: PhaseHandlers;
  readonly #table: ResourceTable;
  readonly #options: PluginSetOptions;
  readonly #plans = new Map<string, ConsumerPlan | null>();

  constructor(
    own: readonly OwnedPlugin[],
    global: PhaseHandlers,
    table: ResourceTable,
    options: PluginSetOptions,
  ) {
    this.#own = own;
    this.#global = global;
    this.#table = table;
    this.#options = options;
  }

  /** @returns `null` when the consumer brings nothing. */
  of({ name, groupId }: Consumer): ConsumerPlan | null {
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    const plan = this.#compile(name, groupId);
    if (this.#plans.size >= maxRemembered) this.#plans.clear();
    this.#plans.set(name, plan);
    return plan;
  }

  #compile(name: string, groupId: string): ConsumerPlan | null {
    const group = groupId === "" ? undefined : this.#table.get("consumer_groups", groupId);
    if (groupId !== "" && group === undefined) return unavailablePlan;
    const brought = [
      ...owned(group?.plugins, `consumer_groups/${groupId}`),
      ...owned(this.#table.get("consumers", name)?.plugins, `consumers/${name}`),
    ].filter((plugin) => plugins.get(plugin.name)?.schema.type !== "auth");
    if (brought.length === 0) return null;
    const merged = new Map(this.#own.map((plugin) => [plugin.name, plugin]));
    for (const plugin of brought) merged.set(plugin.name, plugin);
    const set = compilePlugins(merged.values(), this.#options);
    if (set === null) return unavailablePlan;
    const before = new Set(this.#own.map((plugin) => plugin.name));
    const added = [...set.rewriteOf].filter(([plugin]) => !before.has(plugin));
    return {
      handlers: joinPhases(this.#global, set.handlers),
      rewrite: added.map(([, handler]) => handler),
      unavailable: false,
    };
  }
}

const unavailablePlan: ConsumerPlan = {
  handlers: { rewrite: [], access: [], beforeProxy: [], headerFilter: [], bodyFilter: [], log: [] },
  rewrite: [],
  unavailable: true,
};

export function owned(confs: PluginConfs | undefined, owner: string): OwnedPlugin[] {
  return Object.entries(confs ?? {}).map(([name, conf]) => ({ name, conf, owner }));
}
