import { wordLines } from "@catena/http";

const set = "set";
const add = "add";
const remove = "remove";

/** Set anew for every request, so that edits of them are made in the list. */
const forwarded = new Set([
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

/** Edits in order, which many requests may share. */
interface EditList {
  /** Flat quadruples: what to do, name as written, name in lower case, value. */
  readonly edits: string[];
  /** What they add as lines; `null` where it takes more than adding, `undefined` before it was made. */
  lines: string | null | undefined;
}

const none: EditList = { edits: [], lines: "" };

/** Changes to the request's headers on their way to the upstream, in the order they were made. */
export class HeaderEdits {
  #list = none;
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
    if (this.#list.edits.length > 0) {
      this.#own().push(...other.#list.edits);
      return;
    }
    this.#list = other.#list;
    this.#isShared = true;
    other.#isShared = true;
  }

  /** What a header (name in lower case) is after the edits, values of a repeated name joined. */
  read(name: string, original: string | null): string | null {
    const { edits } = this.#list;
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
    const { edits } = this.#list;
    for (let i = 0; i < edits.length; i += 4) {
      // Edits are pushed by four, so each of them is there.
      if (edits[i] !== add) dropAll(headers, edits[i + 2] as string);
      if (edits[i] !== remove) headers.push(edits[i + 1] as string, edits[i + 3] as string);
    }
  }

  /**
   * The edits as lines to put behind those that the client sent, each with its CRLF.
   *
   * @param client flat list, names in lower case.
   * @returns `null` where one of the client's is changed, or the lines can't be sent as they are.
   */
  linesBehind(client: readonly string[]): string | null {
    const list = this.#list;
    if (list.lines === undefined) list.lines = wordEdits(list.edits);
    if (list.lines === null) return null;
    const { edits } = list;
    for (let i = 0; i < edits.length; i += 4) {
      if (edits[i] === add) continue;
      const name = edits[i + 2];
      for (let k = 0; k < client.length; k += 2) if (client[k] === name) return null;
    }
    return list.lines;
  }

  #push(edit: string, name: string, value: string): void {
    this.#own().push(edit, name, name.toLowerCase(), value);
  }

  #own(): string[] {
    const list = this.#list;
    if (this.#isShared) this.#list = { edits: [...list.edits], lines: undefined };
    else list.lines = undefined;
    this.#isShared = false;
    return this.#list.edits;
  }
}

function wordEdits(edits: readonly string[]): string | null {
  const added: string[] = [];
  const names = new Set(forwarded);
  for (let i = 0; i < edits.length; i += 4) {
    // Edits are pushed by four, so each of them is there.
    const name = edits[i + 2] as string;
    if (names.has(name)) return null;
    names.add(name);
    if (edits[i] !== remove) added.push(edits[i + 1] as string, edits[i + 3] as string);
  }
  return wordLines(added);
}

/** Removes every header of a name, in place: usually there is none. */
function dropAll(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const header = headers[i] as string;
    if (header.length === name.length && header.toLowerCase() === name) headers.splice(i, 2);
  }
}
