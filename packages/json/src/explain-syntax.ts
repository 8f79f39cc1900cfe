import { pointerSegment } from "@catena/errors";
import { type DuplicateKey, faultAt, type JsonFault } from "./fault.ts";
import { INVALID, skipSpace, skipString, skipValue } from "./skip-value.ts";

/**
 * Walks a text that the fast scanners refused, slowly and with care, to say what is wrong where.
 *
 * @returns always a fault; on a text that is in order (which callers do not pass) a general one.
 */
export function explainSyntax(text: string, maxDepth: number): JsonFault {
  const walker = new Walker(text, maxDepth);
  try {
    walker.document();
  } catch (error) {
    if (error instanceof Refusal) return error.fault;
    throw error;
  }
  return faultAt(text, 0, "JSON_SYNTAX", "not a JSON text");
}

/** Lists keys given twice in one object of a valid text. */
export function findDuplicates(text: string, maxDepth: number): readonly DuplicateKey[] {
  const walker = new Walker(text, maxDepth);
  walker.document();
  return walker.duplicates;
}

/** Carries the first fault out of the recursion; never leaves this file. */
class Refusal extends Error {
  readonly fault: JsonFault;
  constructor(fault: JsonFault) {
    super(fault.message);
    this.fault = fault;
  }
}

class Walker {
  readonly duplicates: DuplicateKey[] = [];
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): void {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#refuse("byte order mark before the text");
    this.#space();
    this.#value("a JSON value");
    this.#space();
    if (this.#at < this.#text.length) {
      this.#refuse(`unexpected ${this.#found()} after the end of the value`, "the end of the text");
    }
  }

  #value(expected: string): void {
    const char = this.#text[this.#at];
    if (char === "{") this.#container("}", (_, seen) => this.#member(seen));
    else if (char === "[") this.#container("]", () => this.#value("a value"));
    else if (char === '"') this.#string("string");
    else if (char !== undefined && /[-+.\d]/.test(char)) this.#number();
    else if (char === "'") this.#refuse("strings are written with double quotes", expected);
    else if (char === "/" || char === "#") this.#refuse("comments are not allowed", expected);
    else this.#word(expected);
  }

  #container(close: "}" | "]", item: (index: number, seen: Set<string>) => void): void {
    if (this.#path.length >= this.#maxDepth) {
      throw new Refusal(
        faultAt(
          this.#text,
          this.#at,
          "JSON_TOO_DEEP",
          `nested deeper than ${this.#maxDepth} levels`,
        ),
      );
    }
    const open = this.#at++;
    this.#space();
    const seen = new Set<string>();
    for (let index = 0; this.#text[this.#at] !== close; index++) {
      this.#path.push(index);
      item(index, seen);
      this.#path.pop();
      this.#space();
      const char = this.#text[this.#at];
      if (char === close) break;
      if (char !== ",") this.#refuseAfterItem(close, open);
      const comma = this.#at++;
      this.#space();
      if (this.#text[this.#at] === close) {
        this.#refuse(
          `trailing comma before ${close}`,
          close === "}" ? "a member" : "a value",
          comma,
        );
      }
    }
    this.#at++;
  }

  #member(seen: Set<string>): void {
    const keyAt = this.#at;
    const char = this.#text[keyAt];
    if (char !== '"') this.#refuseKey(char);
    const name = this.#string("key");
    this.#path[this.#path.length - 1] = name;
    if (seen.has(name)) this.#noteDuplicate(keyAt);
    seen.add(name);
    this.#space();
    if (this.#text[this.#at] !== ":") {
      this.#refuse(`missing : after the key ${shorten(name)}, found ${this.#found()}`, ":");
    }
    this.#at++;
    this.#space();
    this.#value(`the value of ${shorten(name)}`);
  }

  #string(what: "string" | "key"): string {
    const start = this.#at;
    const end = skipString(this.#text, start);
    if (end === 0) this.#refuseString(what, start);
    this.#at = end > 0 ? end : ~end;
    // The scanner accepted it, so it decodes, and to a string.
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #refuseString(what: "string" | "key", start: number): never {
    for (let i = start + 1; i < this.#text.length; i++) {
      const char = this.#text[i] as string;
      if (char < " ") {
        const code = char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
        const line = char === "\n" || char === "\r" ? `${what} is not closed on its line` : null;
        this.#refuse(line ?? `control character U+${code} in a ${what}`, `\\u${code}`, i);
      }
      if (char === '"') break;
      if (char !== "\\") continue;
      const written = this.#text.slice(i, i + 6);
      if (/^\\(["\\/bfnrt]|u[\dA-Fa-f]{4})/.test(written)) i++;
      else if (written.length > 1) {
        const shown = written[1] === "u" ? written : written.slice(0, 2);
        this.#refuse(`invalid escape ${shown}`, '\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX', i);
      }
    }
    return this.#refuse(`${what} is not closed`, 'a closing "', start);
  }

  #number(): void {
    const end = skipValue(this.#text, this.#at, 0);
    if (end !== INVALID && !/[-+.\w]/.test(this.#text[end] ?? "")) {
      this.#at = end;
      return;
    }
    const rest = /^[-+.\w]*/.exec(this.#text.slice(this.#at, this.#at + 400))?.[0] ?? "";
    const shown = shorten(rest);
    if (/^-?0\d/.test(rest)) this.#refuse(`number ${shown} has a leading zero`, "a number");
    if (rest.startsWith("+")) this.#refuse(`number ${shown} starts with +`, "a number");
    if (/^-?\./.test(rest)) this.#refuse(`number ${shown} has no digit before the point`, "0.…");
    if (/^-?\d+\.(\D|$)/.test(rest)) this.#refuse(`number ${shown} has no digit after the point`);
    this.#refuse(`${shown} is not a number`, "a number");
  }

  #word(expected: string): void {
    const word = /^[\p{L}\p{N}_$]*/u.exec(this.#text.slice(this.#at, this.#at + 80))?.[0] ?? "";
    if (word === "true" || word === "false" || word === "null") {
      this.#at += word.length;
      return;
    }
    if (word === "") this.#refuse(`unexpected ${this.#found()}`, expected);
    const known = ["true", "false", "null"].find((name) => name === word.toLowerCase());
    const hint = known ?? (/^(undefined|none|nil|nan|infinity)$/i.test(word) ? "null" : null);
    this.#refuse(`unknown word ${shorten(word)}`, hint ?? `${expected}, strings in double quotes`);
  }

  #refuseKey(char: string | undefined): never {
    const word = /^[\w$-]+/.exec(this.#text.slice(this.#at, this.#at + 80))?.[0];
    if (char === "'") return this.#refuse("keys are written with double quotes", "a key");
    if (char === "/" || char === "#") return this.#refuse("comments are not allowed", "a key");
    if (word !== undefined) return this.#refuse(`key ${shorten(word)} is not quoted`, `"${word}"`);
    return this.#refuse(`unexpected ${this.#found()}`, "a key in double quotes or }");
  }

  #refuseAfterItem(close: "}" | "]", open: number): never {
    const what = close === "}" ? "object" : "array";
    if (this.#at >= this.#text.length) {
      const { line, column } = faultAt(this.#text, open, "JSON_SYNTAX", "");
      return this.#refuse(
        `the ${what} opened at line ${line}, column ${column} is not closed`,
        `, or ${close}`,
      );
    }
    const char = this.#text[this.#at] ?? "";
    if (char === "/" || char === "#")
      return this.#refuse("comments are not allowed", `, or ${close}`);
    if (/["{[\w]/.test(char))
      return this.#refuse(`missing comma before ${this.#found()}`, `, or ${close}`);
    return this.#refuse(`unexpected ${this.#found()} in the ${what}`, `, or ${close}`);
  }

  #noteDuplicate(keyAt: number): void {
    const { line, column } = faultAt(this.#text, keyAt, "JSON_SYNTAX", "");
    const path = this.#path.map((segment) => `/${pointerSegment(segment)}`).join("");
    this.duplicates.push({ path, line, column });
  }

  #space(): void {
    this.#at = skipSpace(this.#text, this.#at);
  }

  #found(): string {
    const char = this.#text.slice(this.#at, this.#at + 2);
    if (char === "") return "end of the text";
    if (char[0] === '"') return "a string";
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x21 || code === 0xa0 || (code >= 0x2000 && code <= 0x200f) || code === 0xfeff) {
      return `character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    }
    return String.fromCodePoint(code);
  }

  #refuse(message: string, expected?: string, at = this.#at): never {
    throw new Refusal(faultAt(this.#text, at, "JSON_SYNTAX", message, expected));
  }
}

function shorten(text: string): string {
  return text.length <= 32 ? text : `${text.slice(0, 31)}…`;
}
