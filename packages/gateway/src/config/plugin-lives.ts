import type { PhaseHandlers } from "@catena/pipeline";
import type { Log } from "../log.ts";
import type { MadePlugin, PluginSet } from "./plugin-set.ts";

/** How often it is looked whether requests still use plugins that are to end, in milliseconds. */
const lookMs = 100;

/** Longest a stopping gateway waits for what plugins do at their end, in milliseconds. */
const lastWordsMs = 5_000;

/** Plugins that were made together and end together. */
export interface PluginLife {
  readonly disposers: readonly NonNullable<MadePlugin["bare"]["dispose"]>[];
}

const nothingToEnd: PluginLife = { disposers: [] };

/**
 * Ends plugins whose configuration is gone once no request runs through them. Requests pay nothing for
 * that: those in flight are looked at from time to time while something waits for its end.
 */
export class PluginLives {
  readonly #inUse: () => Iterable<PhaseHandlers>;
  readonly #log: Log;
  readonly #behind = new WeakMap<PhaseHandlers, readonly PluginLife[]>();
  readonly #living = new Set<PluginLife>();
  readonly #ending = new Set<PluginLife>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param inUse the handlers of every request in flight. */
  constructor(inUse: () => Iterable<PhaseHandlers>, log: Log) {
    this.#inUse = inUse;
    this.#log = log;
  }

  /** @param except what an earlier life has already. */
  begin(set: PluginSet | null, except?: PluginSet["made"]): PluginLife {
    const disposers = [...(set?.made ?? [])].flatMap(([plugin, { bare }]) =>
      bare.dispose === undefined || except?.has(plugin) === true ? [] : [bare.dispose],
    );
    if (disposers.length === 0) return nothingToEnd;
    const life = { disposers };
    this.#living.add(life);
    return life;
  }

  /** Says whose plugins requests run that have these handlers. */
  bind(handlers: PhaseHandlers, lives: readonly PluginLife[]): void {
    const ending = lives.filter((life) => life !== nothingToEnd);
    if (ending.length > 0) this.#behind.set(handlers, ending);
  }

  /** Ends a life as soon as no request uses it; harmless when repeated. */
  retire(life: PluginLife): void {
    if (!this.#living.delete(life)) return;
    this.#ending.add(life);
    this.#lookLater();
  }

  /** Ends everything now, since no request is left. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const all = [...this.#living, ...this.#ending];
    this.#living.clear();
    this.#ending.clear();
    if (all.length === 0) return;
    const timeUp = Promise.withResolvers<void>();
    const timer = setTimeout(timeUp.resolve, lastWordsMs);
    await Promise.race([Promise.all(all.map((life) => this.#end(life))), timeUp.promise]);
    clearTimeout(timer);
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#look();
      if (this.#ending.size > 0) this.#lookLater();
    }, lookMs);
    this.#timer.unref();
  }

  #look(): void {
    const used = new Set<PluginLife>();
    for (const handlers of this.#inUse())
      for (const life of this.#behind.get(handlers) ?? []) used.add(life);
    for (const life of this.#ending) {
      if (used.has(life)) continue;
      this.#ending.delete(life);
      void this.#end(life);
    }
  }

  async #end({ disposers }: PluginLife): Promise<void> {
    for (const dispose of disposers) {
      try {
        await dispose();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.error("a plugin did not end well", { reason });
      }
    }
  }
}
