import { formatName, type ResourceKey } from "@catena/schema";

/**
 * Who points at whom, backwards: when a service or an upstream changes, only the resources that use
 * it are compiled again, in time independent of how many there are in all.
 */
export class Dependents {
  readonly #targets = new Map<string, readonly string[]>();
  readonly #dependents = new Map<string, Map<string, ResourceKey>>();

  /** Replaces what a resource points at; nothing when it is gone. */
  set(resource: ResourceKey, targets: readonly ResourceKey[]): void {
    const name = formatName(resource);
    for (const target of this.#targets.get(name) ?? []) this.#dependents.get(target)?.delete(name);
    if (targets.length === 0) {
      this.#targets.delete(name);
      return;
    }
    const names = targets.map(formatName);
    this.#targets.set(name, names);
    for (const target of names) {
      const dependents = this.#dependents.get(target);
      if (dependents === undefined) this.#dependents.set(target, new Map([[name, resource]]));
      else dependents.set(name, resource);
    }
  }

  /** Calls `visit` for everything that points at `resource`, directly or through others, once. */
  visit(resource: ResourceKey, visit: (dependent: ResourceKey) => void): void {
    const seen = new Set<string>();
    const walk = (name: string): void => {
      for (const [dependentName, dependent] of this.#dependents.get(name) ?? []) {
        if (seen.has(dependentName)) continue;
        seen.add(dependentName);
        visit(dependent);
        walk(dependentName);
      }
    };
    walk(formatName(resource));
  }
}
