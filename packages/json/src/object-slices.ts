/** From here on a map finds a key faster than looking at each; below it costs more than it saves. */
const MAP_FROM_SIZE = 12;

/**
 * The members of one JSON object: keys decoded, values as the text they were written in. Because
 * values are never decoded, numbers (`12345678901234567890`, `1.0`, `1e999`), nesting and a member
 * called `__proto__` pass through exactly as they came.
 *
 * Members keep the order in which their keys first appeared.
 */
export class JsonObjectSlices {
  readonly kind = "object";
  readonly keys: string[] = [];
  /** Raw JSON text of each member's value, without surrounding whitespace. */
  readonly values: string[] = [];
  #index: Map<string, number> | null = null;

  get size(): number {
    return this.keys.length;
  }

  /** @returns the raw text of a member's value, or `undefined` when there is no such member. */
  get(key: string): string | undefined {
    return this.values[this.#find(key)];
  }

  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** Sets a member. `raw` must be valid JSON; an existing key keeps its place. */
  set(key: string, raw: string): void {
    const at = this.#find(key);
    if (at >= 0) {
      this.values[at] = raw;
      return;
    }
    this.#index?.set(key, this.keys.length);
    this.keys.push(key);
    this.values.push(raw);
  }

  #find(key: string): number {
    const { keys } = this;
    if (keys.length < MAP_FROM_SIZE) {
      for (let i = 0; i < keys.length; i++) if (keys[i] === key) return i;
      return -1;
    }
    this.#index ??= new Map(keys.map((name, i) => [name, i]));
    return this.#index.get(key) ?? -1;
  }
}

/**
 * Copies every member of `source` over `target`, later wins, as `Object.assign` does on decoded
 * objects. Changes `target` in place; `source` is left alone.
 */
export function mergeSlices(target: JsonObjectSlices, source: JsonObjectSlices): void {
  const { keys, values } = source;
  // Both arrays grow together, so every index of keys is one of values.
  for (let i = 0; i < keys.length; i++) target.set(keys[i] as string, values[i] as string);
}

/** Writes members as one compact object, `{"a":1,"b":[2]}`; the inside of values is untouched. */
export function writeSlices(slices: JsonObjectSlices): string {
  const { keys, values } = slices;
  if (keys.length === 0) return "{}";
  let text = "";
  for (let i = 0; i < keys.length; i++) {
    text += `${i === 0 ? "{" : ","}${quoteKey(keys[i] as string)}:${values[i] as string}`;
  }
  return `${text}}`;
}

function quoteKey(key: string): string {
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    // Printable ASCII but the quote and the backslash; all else is left to the encoder.
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return JSON.stringify(key);
  }
  return `"${key}"`;
}
