import { formatIssue } from "@catena/errors";
import {
  noHandlers,
  type PhaseHandlers,
  type PluginHandlers,
  type PluginServices,
  type RequestHandler,
} from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import type { Log } from "../log.ts";
import { observingPlugins } from "./observing-plugins.ts";
import { applyMeta, readMeta } from "./plugin-meta.ts";

/** A plugin's configuration and the resource that holds it (`routes/1`, `services/a`). */
export interface OwnedPlugin {
  readonly name: string;
  readonly conf: unknown;
  readonly owner: string;
}

/** Plugins ready to run. */
export interface PluginSet {
  readonly handlers: PhaseHandlers;
  /** Rewrite handlers of plugins that do not authenticate, by plugin: a consumer's may have to run. */
  readonly rewriteOf: ReadonlyMap<string, RequestHandler>;
}

export interface PluginSetOptions {
  services(owner: string): PluginServices;
  readonly unknownPlugins: "refuse" | "skip";
  readonly log: Log;
}

interface Made {
  readonly name: string;
  readonly priority: number;
  readonly handlers: PluginHandlers;
}

/**
 * Makes the handlers of plugins, highest priority first.
 *
 * @returns `null` when one of them can't run: the reason is logged, and nothing may be served without
 *   it.
 */
export function compilePlugins(
  owned: Iterable<OwnedPlugin>,
  options: PluginSetOptions,
): PluginSet | null {
  const made: Made[] = [];
  for (const plugin of owned) {
    const one = compilePlugin(plugin, options);
    if (one === null) return null;
    if (one !== "skipped") made.push(one);
  }
  if (made.length === 0) return noPlugins;
  made.sort((a, b) => b.priority - a.priority);
  const rewriteOf = new Map<string, RequestHandler>();
  for (const { name, handlers } of made) {
    if (handlers.rewrite === undefined || plugins.get(name)?.schema.type === "auth") continue;
    rewriteOf.set(name, handlers.rewrite);
  }
  return { handlers: collectPhases(made.map((one) => one.handlers)), rewriteOf };
}

const noPlugins: PluginSet = { handlers: noHandlers, rewriteOf: new Map() };

function compilePlugin(
  { name, conf, owner }: OwnedPlugin,
  { services, unknownPlugins, log }: PluginSetOptions,
): Made | "skipped" | null {
  const refuse = (reason: string): null => {
    log.error("a plugin can't run", { owner, plugin: name, reason });
    return null;
  };
  const meta = readMeta(conf);
  if (meta.value === undefined) return refuse(meta.issues.map(formatIssue).join("; "));
  if (meta.value.disabled) return "skipped";
  const plugin = plugins.get(name);
  if (plugin === undefined) {
    return unknownPlugins === "skip" || observingPlugins.has(name)
      ? "skipped"
      : refuse("this build has no such plugin; remove it, or set unknownPlugins to skip");
  }
  const { value, issues } = plugin.create(conf, services(owner));
  if (value === undefined) return refuse(issues.map(formatIssue).join("; "));
  return {
    name,
    priority: meta.value.priority ?? plugin.schema.priority,
    handlers: applyMeta(value, meta.value),
  };
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
