const set = "set";
const add = "add";
const remove = "remove";

/** Changes to the request's headers on their way to the upstream, in the order they were made. */
export class HeaderEdits {
  /** Flat triples: what to do, name as written, value. */
  readonly #edits: string[] = [];

  /** Replaces all headers of that name by one. */
  set(name: string, value: string): void {
    this.#edits.push(set, name, value);
  }

  /** Appends a header, also when there is one of that name. */
  add(name: string, value: string): void {
    this.#edits.push(add, name, value);
  }

  remove(name: string): void {
    this.#edits.push(remove, name, "");
  }

  /** What a header (name in lower case) is after the edits, values of a repeated name joined. */
  read(name: string, original: string | null): string | null {
    let value = original;
    for (let i = 0; i + 2 < this.#edits.length; i += 3) {
      if (this.#edits[i + 1]?.toLowerCase() !== name) continue;
      const edit = this.#edits[i];
      // The loop bound makes the element present.
      const edited = this.#edits[i + 2] as string;
      if (edit === remove) value = null;
      else value = edit === set || value === null ? edited : `${value}, ${edited}`;
    }
    return value;
  }

  /** The flat list `[name, value, …]` with the edits made. */
  apply(headers: readonly string[]): string[] {
    const result = [...headers];
    for (let i = 0; i + 2 < this.#edits.length; i += 3) {
      // The loop bound makes the three elements present.
      const name = this.#edits[i + 1] as string;
      if (this.#edits[i] !== add) dropAll(result, name.toLowerCase());
      if (this.#edits[i] !== remove) result.push(name, this.#edits[i + 2] as string);
    }
    return result;
  }
}

/** Removes every header of a name, in place: usually there is none. */
function dropAll(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const header = headers[i] as string;
    if (header.length === name.length && header.toLowerCase() === name) headers.splice(i, 2);
  }
}
