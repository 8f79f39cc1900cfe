import { isJsonObject } from "@catena/schema";

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

/** A group of limits that count together: all that are in use have the same configuration. */
export class GroupMemory<T> extends ConfigurationMemory<T> {
  readonly #members = new Map<string, { readonly configuration: string }>();

  /** @returns how its owner leaves the group, or `null` when another owner counts otherwise. */
  join(owner: string, configuration: string): (() => void) | null {
    for (const [other, member] of this.#members) {
      if (other !== owner && member.configuration !== configuration) return null;
    }
    const own = { configuration };
    this.#members.set(owner, own);
    return () => {
      if (this.#members.get(owner) === own) this.#members.delete(owner);
    };
  }
}

/** What tells configurations of one plugin apart: all of it but `_meta`, in whatever order it is written. */
export function configurationOf(conf: unknown): string {
  const { _meta, ...counted } = isJsonObject(conf) ? conf : {};
  return JSON.stringify(counted, (_name, value: unknown) =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
