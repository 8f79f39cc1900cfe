import { decodeString } from "./scan-object.ts";
import { INVALID, skipSpace, skipString, skipValue } from "./skip-value.ts";

/** Bounds the recursion on texts nobody validated; far above any limit a validation would set. */
const DEPTH = 1000;

/**
 * Finds a member within a JSON text and returns its raw text, without decoding anything on the way.
 * A segment names a member of an object, or an element of an array when it is an index (`0` or
 * `"0"`). Of a key given twice the last counts.
 *
 * @param text JSON that has been validated (for example by `scanObject`); other texts give `null`
 *   or some slice, never an exception.
 * @returns `null` when a segment does not exist or stands under a scalar.
 */
export function getPath(text: string, path: readonly (string | number)[]): string | null {
  let from = skipSpace(text, 0);
  for (const segment of path) {
    const code = text.charCodeAt(from);
    if (code === 0x7b) from = findMember(text, from, String(segment));
    else if (code === 0x5b) from = findElement(text, from, toIndex(segment));
    else return null;
    if (from === INVALID) return null;
  }
  const end = skipValue(text, from, DEPTH);
  return end === INVALID ? null : text.slice(from, end);
}

/** @returns index where the last member of that name has its value. */
function findMember(text: string, at: number, name: string): number {
  let found = INVALID;
  at = skipSpace(text, at + 1);
  while (text.charCodeAt(at) === 0x22) {
    const stringEnd = skipString(text, at);
    if (stringEnd === 0) return INVALID;
    const keyEnd = stringEnd > 0 ? stringEnd : ~stringEnd;
    const matches =
      stringEnd > 0
        ? keyEnd - at - 2 === name.length && text.startsWith(name, at + 1)
        : decodeString(text.slice(at, keyEnd)) === name;
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    if (matches) found = value;
    at = skipValue(text, value, DEPTH);
    if (at === INVALID) return INVALID;
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== 0x2c) break;
    at = skipSpace(text, at + 1);
  }
  return found;
}

function findElement(text: string, at: number, index: number): number {
  if (index < 0) return INVALID;
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === 0x5d) return INVALID;
  for (let i = 0; i < index; i++) {
    at = skipValue(text, at, DEPTH);
    if (at === INVALID) return INVALID;
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== 0x2c) return INVALID;
    at = skipSpace(text, at + 1);
  }
  return at;
}

function toIndex(segment: string | number): number {
  const index = Number(segment);
  return Number.isSafeInteger(index) && index >= 0 && String(index) === String(segment)
    ? index
    : -1;
}
