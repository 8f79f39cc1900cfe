import { formatIssue, type Issue } from "@catena/errors";
import {
  noHandlers,
  type PhaseHandlers,
  type PluginHandlers,
  type PluginServices,
} from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import { isResolved } from "../secrets/resolve-document.ts";
import { observingPlugins } from "./observing-plugins.ts";
import { applyMeta, type PluginMeta, readMeta } from "./plugin-meta.ts";

/** A plugin's configuration and the resource that holds it (`routes/1`, `services/a`). */
export interface OwnedPlugin {
  readonly name: string;
  readonly conf: unknown;
  readonly owner: string;
}

/** Plugins ready to run. */
export interface PluginSet {
  readonly handlers: PhaseHandlers;
  /** What each plugin was made into, highest priority first; disabled ones are left out. */
  readonly made: ReadonlyMap<OwnedPlugin, MadePlugin>;
}

export interface MadePlugin {
  readonly priority: number;
  readonly meta: PluginMeta;
  /** As the plugin made them. */
  readonly bare: PluginHandlers;
  /** As its `_meta` wants them. */
  readonly handlers: PluginHandlers;
}

export interface PluginSetOptions {
  services(owner: string): PluginServices;
  readonly unknownPlugins: "refuse" | "skip";
  /** Hears why a plugin can't run. */
  refuse(plugin: OwnedPlugin, reason: string): void;
}

/**
 * Makes the handlers of plugins, highest priority first.
 *
 * @param made what was made before for another set: the same plugins are not made again, for what they
 *   noted of a request in an early phase is asked for in a later one. Their filters are asked anew.
 * @returns `null` when one of them can't run: the reason is told, and nothing may be served without
 *   it.
 */
export function compilePlugins(
  owned: Iterable<OwnedPlugin>,
  options: PluginSetOptions,
  made: ReadonlyMap<OwnedPlugin, MadePlugin> = nothingMade,
): PluginSet | null {
  const list: (readonly [OwnedPlugin, MadePlugin])[] = [];
  for (const plugin of owned) {
    const before = made.get(plugin);
    const one = before === undefined ? compilePlugin(plugin, options) : withMeta(before);
    if (one === null) return null;
    if (one !== "skipped") list.push([plugin, one]);
  }
  if (list.length === 0) return noPlugins;
  list.sort(([, a], [, b]) => b.priority - a.priority);
  return { handlers: collectPhases(list.map(([, one]) => one.handlers)), made: new Map(list) };
}

const nothingMade: ReadonlyMap<OwnedPlugin, MadePlugin> = new Map();

const noPlugins: PluginSet = { handlers: noHandlers, made: nothingMade };

/** Why a plugin keeps its resource from being served though it was accepted; `null` when it does not. */
export function unknownPlugin(
  { name, conf }: OwnedPlugin,
  unknownPlugins: "refuse" | "skip",
): string | null {
  if (plugins.get(name) !== undefined || unknownPlugins === "skip") return null;
  if (observingPlugins.has(name) || readMeta(conf).value?.disabled === true) return null;
  const reason = plugins.registry.whyAbsent(name) ?? "this build has no such plugin";
  return `${reason}; remove it, or set unknownPlugins to skip`;
}

function compilePlugin(
  owned: OwnedPlugin,
  { services, unknownPlugins, refuse }: PluginSetOptions,
): MadePlugin | "skipped" | null {
  const refused = (issues: readonly Issue[]): null => {
    refuse(owned, issues.map(formatIssue).join("; "));
    return null;
  };
  const { name, conf, owner } = owned;
  const { value: meta, issues: metaIssues } = readMeta(conf);
  if (meta === undefined) return refused(metaIssues);
  if (meta.disabled) return "skipped";
  const plugin = plugins.get(name);
  if (plugin === undefined) {
    const reason = unknownPlugin(owned, unknownPlugins);
    if (reason === null) return "skipped";
    refuse(owned, reason);
    return null;
  }
  const unfit = findUnfitSecrets(name, conf);
  if (unfit.length > 0) return refused(unfit);
  const { value: bare, issues } = plugin.create(conf, services(owner));
  if (bare === undefined) return refused(issues);
  const priority = meta.priority ?? plugin.schema.priority;
  return withMeta({ priority, meta, bare, handlers: bare });
}

/**
 * A configuration was checked with references in it, for which limits on texts do not count. What they
 * stand for has to keep them, or the plugin would run with what it was not written for. Values are not
 * shown.
 */
function findUnfitSecrets(name: string, conf: unknown): readonly Issue[] {
  if (!isResolved(conf)) return [];
  const findings = plugins.registry.checker(name, "plugin")?.explain(conf) ?? [];
  return findings.map(({ path }) => ({
    path,
    code: "SECRET_UNFIT",
    message: "the secret is not what this field takes",
  }));
}

function withMeta(made: MadePlugin): MadePlugin {
  return { ...made, handlers: applyMeta(made.bare, made.meta) };
}

/** `first` before `then` in every phase: global rules come before a route's own plugins. */
export function joinPhases(first: PhaseHandlers, then: PhaseHandlers): PhaseHandlers {
  if (first === noHandlers) return then;
  return {
    rewrite: [...first.rewrite, ...then.rewrite],
    access: [...first.access, ...then.access],
    beforeProxy: [...first.beforeProxy, ...then.beforeProxy],
    headerFilter: [...first.headerFilter, ...then.headerFilter],
    bodyFilter: [...first.bodyFilter, ...then.bodyFilter],
    log: [...first.log, ...then.log],
  };
}

function collectPhases(made: readonly PluginHandlers[]): PhaseHandlers {
  const collect = <K extends keyof PhaseHandlers>(phase: K): NonNullable<PluginHandlers[K]>[] =>
    made.flatMap((handlers) => {
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
