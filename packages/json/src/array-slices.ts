import { INVALID, skipSpace, skipValue } from "./skip-value.ts";

/** As in `getPath`: bounds the recursion on texts nobody validated. */
const DEPTH = 1000;

/**
 * The raw texts of an array's elements, in order and without decoding one.
 *
 * @param text JSON that has been validated.
 * @returns `null` when it is not an array.
 */
export function arraySlices(text: string): string[] | null {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== 0x5b) return null;
  const slices: string[] = [];
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === 0x5d) return slices;
  for (;;) {
    const end = skipValue(text, at, DEPTH);
    if (end === INVALID) return null;
    slices.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text.charCodeAt(at) !== 0x2c) return slices;
    at = skipSpace(text, at + 1);
  }
}
