/** Most configurations of one owner that are counted for: routes of many consumers have several. */
const maxConfigurations = 64;

/**
 * What one owner counts, by the configuration it counts for: another configuration counts from the
 * start, and the same one goes on counting when anything else of its owner changes.
 */
export class ConfigurationMemory<T> {
  readonly #byConfiguration = new Map<string, T>();

  of(configuration: string, make: () => T): T {
    let counted = this.#byConfiguration.get(configuration);
    if (counted === undefined) counted = make();
    else this.#byConfiguration.delete(configuration);
    this.#byConfiguration.set(configuration, counted);
    for (const oldest of this.#byConfiguration.keys()) {
      if (this.#byConfiguration.size <= maxConfigurations) break;
      this.#byConfiguration.delete(oldest);
    }
    return counted;
  }
}

/** A group of limits that count together: all of them must have the first one's configuration. */
export class GroupMemory<T> extends ConfigurationMemory<T> {
  #configuration: string | null = null;

  accepts(configuration: string): boolean {
    this.#configuration ??= configuration;
    return this.#configuration === configuration;
  }
}

/** What tells configurations of one plugin apart: all of it but `_meta`. */
export function configurationOf(conf: object): string {
  return JSON.stringify({ ...conf, _meta: undefined });
}
