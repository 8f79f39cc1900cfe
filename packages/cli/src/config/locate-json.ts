/** Where a member stands in a JSON text; lines and columns count from 1. */
export interface JsonPlace {
  readonly line: number;
  readonly column: number;
}

/**
 * Finds the value a JSON pointer names. Of a member that is not there, the object it is missing in.
 *
 * @param text valid JSON
 */
export function locateJson(text: string, pointer: string): JsonPlace {
  const path = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let at = skipSpace(text, 0);
  for (const part of path) {
    const next = text[at] === "{" ? findMember(text, at, part) : findItem(text, at, part);
    if (next === null) break;
    at = next;
  }
  return placeOf(text, at);
}

function findMember(text: string, at: number, name: string): number | null {
  let i = skipSpace(text, at + 1);
  while (text[i] === '"') {
    const end = skipValue(text, i);
    const key: unknown = JSON.parse(text.slice(i, end));
    // Past the colon.
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (key === name) return value;
    i = skipSpace(text, skipValue(text, value));
    if (text[i] === ",") i = skipSpace(text, i + 1);
  }
  return null;
}

function findItem(text: string, at: number, index: string): number | null {
  if (text[at] !== "[") return null;
  let i = skipSpace(text, at + 1);
  for (let n = 0; i < text.length && text[i] !== "]"; n++) {
    if (String(n) === index) return i;
    i = skipSpace(text, skipValue(text, i));
    if (text[i] === ",") i = skipSpace(text, i + 1);
  }
  return null;
}

/** @returns the index behind the value that starts at `at`. */
function skipValue(text: string, at: number): number {
  let depth = 0;
  let i = at;
  do {
    const character = text[i];
    if (character === '"') {
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (depth === 0 && /[,\s]/.test(character ?? ",")) return i;
    i++;
    // Behind a text, an object or an array there is nothing more of the value.
    if (depth === 0 && /["}\]]/.test(character ?? "")) return i;
  } while (i < text.length && (depth > 0 || !/[,\s}\]]/.test(text[i] ?? ",")));
  return i;
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (/\s/.test(text[i] ?? "x")) i++;
  return i;
}

function placeOf(text: string, at: number): JsonPlace {
  const lines = text.slice(0, at).split(/\r\n|\r|\n/);
  return { line: lines.length, column: Array.from(lines.at(-1) ?? "").length + 1 };
}
