/** From here on a map finds a key faster than looking at each; below it costs more than it saves. */
const MAP_FROM_SIZE = 12;

/**
 * The members of one JSON object: keys decoded, values as the text they were written in. Because
 * values are never decoded, numbers (`12345678901234567890`, `1.0`, `1e999`), nesting and a member
 * called `__proto__` pass through exactly as they came.
 *
 * A member is kept as the text `"key":value`, mostly one slice of where it came from, so that
 * writing the object is joining them: a third of the strings that putting keys and values together
 * makes. Members keep the order in which their keys first appeared.
 */
export class JsonObjectSlices {
  readonly kind = "object";
  readonly keys: string[] = [];
  /** `"key":value` of each member, without surrounding whitespace. */
  readonly members: string[] = [];
  /** Where in each member its value starts. */
  readonly #valueStarts: number[] = [];
  #index: Map<string, number> | null = null;

  get size(): number {
    return this.keys.length;
  }

  /** Forgets every member, to be filled anew. */
  clear(): void {
    this.keys.length = 0;
    this.members.length = 0;
    this.#valueStarts.length = 0;
    this.#index = null;
  }

  /** @returns the raw text of a member's value, or `undefined` when there is no such member. */
  get(key: string): string | undefined {
    return this.valueAt(this.#find(key));
  }

  /** @returns the raw text of the value of the member at `index`; `undefined` outside of them. */
  valueAt(index: number): string | undefined {
    return this.members[index]?.slice(this.#valueStarts[index]);
  }

  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** Sets a member. `raw` must be valid JSON; an existing key keeps its place. */
  set(key: string, raw: string): void {
    const quoted = quoteKey(key);
    this.setMember(key, `${quoted}:${raw}`, quoted.length + 1);
  }

  /**
   * Sets a member that is written already; an existing key keeps its place.
   *
   * @param key decoded.
   * @param member `"key":value`, valid JSON within braces.
   * @param valueStart where in `member` the value starts.
   */
  setMember(key: string, member: string, valueStart: number): void {
    const at = this.#find(key);
    if (at >= 0) {
      this.members[at] = member;
      this.#valueStarts[at] = valueStart;
      return;
    }
    this.#index?.set(key, this.keys.length);
    this.keys.push(key);
    this.members.push(member);
    this.#valueStarts.push(valueStart);
  }

  /** Copies every member of `source` over this one's: later wins, as `Object.assign` does. */
  assign(source: JsonObjectSlices): void {
    const { keys, members } = source;
    const starts = source.#valueStarts;
    // The three grow together, so every index of keys is one of the others.
    for (let i = 0; i < keys.length; i++)
      this.setMember(keys[i] as string, members[i] as string, starts[i] as number);
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
  target.assign(source);
}

/** Writes members as one compact object, `{"a":1,"b":[2]}`; the inside of values is untouched. */
export function writeSlices(slices: JsonObjectSlices): string {
  return `{${slices.members.join(",")}}`;
}

function quoteKey(key: string): string {
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    // Printable ASCII but the quote and the backslash; all else is left to the encoder.
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return JSON.stringify(key);
  }
  return `"${key}"`;
}
