const set = "set";
const add = "add";
const remove = "remove";

const none: string[] = [];

/** Changes to the request's headers on their way to the upstream, in the order they were made. */
export class HeaderEdits {
  /** Flat quadruples: what to do, name as written, name in lower case, value. */
  #edits = none;
  /** Whether others have the same list: then it is copied before it is changed. */
  #isShared = true;

  /** Replaces all headers of that name by one. */
  set(name: string, value: string): void {
    this.#push(set, name, value);
  }

  /** Appends a header, also when there is one of that name. */
  add(name: string, value: string): void {
    this.#push(add, name, value);
  }

  remove(name: string): void {
    this.#push(remove, name, "");
  }

  /** Makes all edits of `other`, which may be made for many requests: nothing is copied where they come first. */
  include(other: HeaderEdits): void {
    if (this.#edits.length > 0) {
      this.#own().push(...other.#edits);
      return;
    }
    this.#edits = other.#edits;
    this.#isShared = true;
    other.#isShared = true;
  }

  /** What a header (name in lower case) is after the edits, values of a repeated name joined. */
  read(name: string, original: string | null): string | null {
    const edits = this.#edits;
    let value = original;
    for (let i = 0; i < edits.length; i += 4) {
      if (edits[i + 2] !== name) continue;
      const edit = edits[i];
      // Edits are pushed by four.
      const edited = edits[i + 3] as string;
      if (edit === remove) value = null;
      else value = edit === set || value === null ? edited : `${value}, ${edited}`;
    }
    return value;
  }

  /** The flat list `[name, value, …]` with the edits made. */
  apply(headers: readonly string[]): string[] {
    const result = [...headers];
    this.applyTo(result);
    return result;
  }

  /** Makes the edits in a flat list `[name, value, …]`. */
  applyTo(headers: string[]): void {
    const edits = this.#edits;
    for (let i = 0; i < edits.length; i += 4) {
      // Edits are pushed by four, so each of them is there.
      if (edits[i] !== add) dropAll(headers, edits[i + 2] as string);
      if (edits[i] !== remove) headers.push(edits[i + 1] as string, edits[i + 3] as string);
    }
  }

  #push(edit: string, name: string, value: string): void {
    this.#own().push(edit, name, name.toLowerCase(), value);
  }

  #own(): string[] {
    if (this.#isShared) this.#edits = [...this.#edits];
    this.#isShared = false;
    return this.#edits;
  }
}

/** Removes every header of a name, in place: usually there is none. */
function dropAll(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const header = headers[i] as string;
    if (header.length === name.length && header.toLowerCase() === name) headers.splice(i, 2);
  }
}
