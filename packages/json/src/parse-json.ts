import { explainSyntax, findDuplicates } from "./explain-syntax.ts";
import {
  checkSize,
  DEFAULT_MAX_DEPTH,
  type DuplicateKey,
  faultAt,
  type JsonFault,
  type JsonLimits,
} from "./fault.ts";
import { skipString } from "./skip-value.ts";

export interface ParseOptions extends JsonLimits {
  /** Also list keys given twice in one object; costs a second pass. Default `false`. */
  readonly reportDuplicates?: boolean;
}

export interface JsonParsed {
  readonly kind: "value";
  readonly value: unknown;
  /** Empty unless asked for. */
  readonly duplicates: readonly DuplicateKey[];
}

/**
 * Parses a JSON text from outside. The native parser does the work; the slow scanner only explains
 * a refusal. A member called `__proto__` becomes an own property and touches no prototype (as
 * `JSON.parse` defines it; copying such an object with an assignment loop would not be safe).
 *
 * @returns `kind: "value"`, or a `fault` with line, column and what was expected.
 */
export function parseJson(text: string, options: ParseOptions = {}): JsonParsed | JsonFault {
  const maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
  const refused = checkSize(text, options.maxBytes) ?? checkDepth(text, maxDepth);
  if (refused !== null) return refused;
  try {
    return {
      kind: "value",
      value: JSON.parse(text),
      duplicates: options.reportDuplicates === true ? findDuplicates(text, maxDepth) : [],
    };
  } catch {
    return explainSyntax(text, maxDepth);
  }
}

/**
 * Nesting is limited before parsing: a text 100,000 deep parses in milliseconds, but writing the
 * value back overflows the stack.
 */
function checkDepth(text: string, maxDepth: number): JsonFault | null {
  if (countUpTo(text, "[", maxDepth) + countUpTo(text, "{", maxDepth) <= maxDepth) return null;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      const end = skipString(text, i);
      if (end === 0) return null; // not JSON; the parser will say so
      i = (end > 0 ? end : ~end) - 1;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return tooDeep(text, i, maxDepth);
    } else if (code === 0x7d || code === 0x5d) {
      depth--;
    }
  }
  return null;
}

function tooDeep(text: string, index: number, maxDepth: number): JsonFault {
  return faultAt(text, index, "JSON_TOO_DEEP", `nested deeper than ${maxDepth} levels`);
}

function countUpTo(text: string, character: string, limit: number): number {
  let count = 0;
  for (
    let i = text.indexOf(character);
    i >= 0 && count <= limit;
    i = text.indexOf(character, i + 1)
  ) {
    count++;
  }
  return count;
}
