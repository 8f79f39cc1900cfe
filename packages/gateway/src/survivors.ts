import type { Survivors } from "@catena/pipeline";

/**
 * Keeps plugins' counters, breakers and caches across configuration changes: a change to one route
 * must not reset the limits of another, nor its own.
 */
export class SurvivorPool implements Survivors {
  readonly shared?: Int32Array;
  readonly #byOwner = new Map<string, Map<string, unknown>>();

  constructor(shared: Int32Array | null) {
    if (shared !== null) this.shared = shared;
  }

  get<T>(plugin: string, owner: string, make: () => T): T {
    let states = this.#byOwner.get(owner);
    if (states === undefined) {
      states = new Map();
      this.#byOwner.set(owner, states);
    }
    if (!states.has(plugin)) states.set(plugin, make());
    // A plugin always asks with its own type: the key is its name.
    return states.get(plugin) as T;
  }

  /** Forgets everything of an owner that is no longer configured. */
  drop(owner: string): void {
    this.#byOwner.delete(owner);
  }
}
