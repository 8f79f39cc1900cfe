import { FixedWindows, SlidingWindows, type WindowCounters } from "./window-counters.ts";

export type WindowType = "fixed" | "sliding";

/** Most configurations of one owner that are counted for: routes of many consumers have several. */
const maxConfigurations = 64;

/**
 * The counters of one owner, by the configuration they count for: another configuration counts from
 * the start, and the same one goes on counting when anything else of its owner changes.
 */
export class CounterMemory {
  readonly #byConfiguration = new Map<string, readonly WindowCounters[]>();

  /** `rules` counters, one per rule. */
  countersOf(configuration: string, rules: number, type: WindowType): readonly WindowCounters[] {
    let counters = this.#byConfiguration.get(configuration);
    if (counters === undefined) {
      counters = Array.from({ length: rules }, () =>
        type === "sliding" ? new SlidingWindows() : new FixedWindows(),
      );
    } else {
      this.#byConfiguration.delete(configuration);
    }
    this.#byConfiguration.set(configuration, counters);
    for (const oldest of this.#byConfiguration.keys()) {
      if (this.#byConfiguration.size <= maxConfigurations) break;
      this.#byConfiguration.delete(oldest);
    }
    return counters;
  }
}

/** The configuration a group of limits was first seen with: all of them must have the same. */
export class GroupMemory {
  readonly counters = new CounterMemory();
  #configuration: string | null = null;

  /** Whether `configuration` is the group's, which it becomes when it is the first. */
  accepts(configuration: string): boolean {
    this.#configuration ??= configuration;
    return this.#configuration === configuration;
  }
}
