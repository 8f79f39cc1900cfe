interface Named<T> {
  readonly id: string;
  readonly value: T;
}

/**
 * Which of several values a server name means, as APISIX finds it
 * (apisix/ssl/router/radixtree_sni.lua): an exact name first, then the wildcard with the longest end. A
 * wildcard stands for one label; a longer name that has its end is nobody's, also where a shorter
 * wildcard would fit. A lone `*` stands for every name. Of equal names the one that was set first counts.
 */
export class ServerNames<T> {
  readonly #namesOf = new Map<string, readonly string[]>();
  readonly #exact = new Map<string, Named<T>[]>();
  /** By what follows the `*`. */
  readonly #wildcards = new Map<string, Named<T>[]>();

  /** @param names exact ones, or with a `*` in front; replaces those that were set before. */
  set(id: string, names: readonly string[], value: T): void {
    const normal = names.map((name) => name.toLowerCase().replace(/\.$/, ""));
    const before = this.#namesOf.get(id) ?? [];
    for (const name of before) {
      if (!normal.includes(name)) this.#drop(name, id);
    }
    for (const name of normal) {
      const [table, key] = this.#placeOf(name);
      const list = table.get(key) ?? [];
      const at = list.findIndex((one) => one.id === id);
      if (at < 0) list.push({ id, value });
      else list[at] = { id, value };
      table.set(key, list);
    }
    this.#namesOf.set(id, normal);
  }

  delete(id: string): void {
    for (const name of this.#namesOf.get(id) ?? []) this.#drop(name, id);
    this.#namesOf.delete(id);
  }

  /** @param name in lower case, without a trailing dot. */
  find(name: string): T | null {
    const exact = this.#exact.get(name)?.[0];
    if (exact !== undefined) return exact.value;
    for (let at = 0; at <= name.length; at++) {
      const found = this.#wildcards.get(name.slice(at))?.[0];
      if (found === undefined) continue;
      return at === name.length || !name.slice(0, at).includes(".") ? found.value : null;
    }
    return null;
  }

  #placeOf(name: string): [Map<string, Named<T>[]>, string] {
    return name.startsWith("*") ? [this.#wildcards, name.slice(1)] : [this.#exact, name];
  }

  #drop(name: string, id: string): void {
    const [table, key] = this.#placeOf(name);
    const left = (table.get(key) ?? []).filter((one) => one.id !== id);
    if (left.length === 0) table.delete(key);
    else table.set(key, left);
  }
}
