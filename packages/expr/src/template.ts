import type { Checked, Issue } from "@catena/errors";
import type { RequestView } from "./request-view.ts";
import { compileVariable, type FurtherVariables, type Variable } from "./variables.ts";

/** Longest text that may hold variables. */
const maxTemplateLength = 1024 * 1024;

/** Changes a value before it is put in; the text around values stays as it is. */
export type Escape = (value: string) => string;

export interface TemplateOptions {
  /** Whether `$1` and `${1}` are what a regular expression captured; else they are no variables. */
  readonly captures?: boolean;
  /** Whether a name ends at a dot and has no default: `$host.b` is the host, and `.b` behind it. */
  readonly plainNames?: boolean;
  /** Asked for each variable before the usual ones. */
  readonly further?: FurtherVariables;
}

/**
 * Compiles text with `$name`, `${name}` and `${name ?? default}` in it (apisix/core/utils.lua,
 * `resolve_var`). A missing variable becomes its default or nothing; `\$` is left alone, backslash
 * included.
 */
export function compileTemplate(text: string, options: TemplateOptions = {}): Checked<Template> {
  if (text.length > maxTemplateLength) {
    const message = `a text with variables is over ${maxTemplateLength} characters`;
    return { issues: [{ path: "", code: "TEMPLATE_TOO_LONG", message }] };
  }
  const issues: Issue[] = [];
  const parts: Part[] = [];
  let literal = "";
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) {
      literal += text.slice(at);
      break;
    }
    literal += text.slice(at, dollar);
    const isEscaped = text[dollar - 1] === "\\";
    const reference = isEscaped ? null : readReference(text, dollar + 1, options);
    if (reference === null) {
      literal += "$";
      at = dollar + 1;
      continue;
    }
    const { name, capture, fallback } = reference;
    const { value: variable, issues: found } =
      capture === null ? compileVariable(name, options.further) : { value: noVariable, issues: [] };
    issues.push(...found);
    if (variable !== undefined) parts.push({ before: literal, capture, variable, fallback });
    literal = "";
    at = reference.end;
  }
  if (issues.length > 0) return { issues };
  return { value: new Template(parts, literal), issues };
}

const noVariable: Variable = () => undefined;

interface Part {
  readonly before: string;
  /** Number of a capture, or `null` for a variable. */
  readonly capture: number | null;
  readonly variable: Variable;
  readonly fallback: string | undefined;
}

const noCaptures: readonly (string | null)[] = [];

/** Text whose variables are filled in per request. */
export class Template {
  readonly #parts: readonly Part[];
  readonly #rest: string;

  constructor(parts: readonly Part[], rest: string) {
    this.#parts = parts;
    this.#rest = rest;
  }

  /** Whether it has no variables, so that it is the same for every request. */
  get isConstant(): boolean {
    return this.#parts.length === 0;
  }

  render(view: RequestView, encode?: Escape, captures = noCaptures): string {
    let text = "";
    for (const part of this.#parts) {
      text += part.before;
      const value = read(part, view, captures);
      if (value !== undefined) text += encode === undefined ? value : encode(value);
    }
    return text + this.#rest;
  }

  /** As {@link render}, or `null` when not one of its variables has a value. */
  renderIfAny(view: RequestView): string | null {
    let text = "";
    let found = false;
    for (const part of this.#parts) {
      text += part.before;
      const value = read(part, view, noCaptures);
      if (value === undefined) continue;
      found = true;
      text += value;
    }
    return found ? text + this.#rest : null;
  }
}

/**
 * Fills in the variables of a text once; what is used for every request is compiled with
 * {@link compileTemplate}. `null` when it has variables that are not served.
 */
export function interpolate(text: string, view: RequestView): string | null {
  return compileTemplate(text).value?.render(view) ?? null;
}

function read(
  part: Part,
  view: RequestView,
  captures: readonly (string | null)[],
): string | undefined {
  const value = part.capture === null ? part.variable(view) : captures[part.capture];
  if (value === undefined || value === null || typeof value === "object") return part.fallback;
  return String(value);
}

interface Reference {
  readonly name: string;
  readonly capture: number | null;
  readonly fallback: string | undefined;
  readonly end: number;
}

/** Reads what stands behind a dollar sign; `null` when that is no variable. */
function readReference(text: string, start: number, options: TemplateOptions): Reference | null {
  if (options.captures === true) {
    const number = /^\{?(\d{1,2})\}?/.exec(text.slice(start, start + 4));
    if (number !== null) {
      const capture = Number(number[1]);
      return { name: "", capture, fallback: undefined, end: start + number[0].length };
    }
  }
  if (options.plainNames === true) {
    const plain = /^(?:\{([0-9A-Za-z_]+)\}|([0-9A-Za-z_]+))/.exec(text.slice(start));
    const name = plain?.[1] ?? plain?.[2];
    if (plain === null || name === undefined) return null;
    return { name, capture: null, fallback: undefined, end: start + plain[0].length };
  }
  if (text[start] === "{") {
    const close = text.indexOf("}", start);
    if (close <= start + 1) return null;
    const [name = "", fallback] = text.slice(start + 1, close).split("??");
    return { name: name.trim(), capture: null, fallback: fallback?.trim(), end: close + 1 };
  }
  let end = start;
  while (end < text.length && isNameCharacter(text.charCodeAt(end))) end++;
  if (end === start) return null;
  return { name: text.slice(start, end), capture: null, fallback: undefined, end };
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 46
  );
}
