import { explainSyntax } from "./explain-syntax.ts";
import { checkSize, DEFAULT_MAX_DEPTH, type JsonFault, type JsonLimits } from "./fault.ts";
import { JsonObjectSlices } from "./object-slices.ts";
import { INVALID, skipSpace, skipString, skipValue } from "./skip-value.ts";

/** What {@link scanObject} found; tell them apart by `kind`. */
export type ObjectScan = JsonObjectSlices | JsonOther | JsonFault;

/** A valid JSON text that is not an object. */
export interface JsonOther {
  readonly kind: "array" | "scalar";
  /** The whole text without surrounding whitespace. */
  readonly raw: string;
}

/**
 * Validates a whole JSON text and returns its top-level members as slices of it, in one pass and
 * without decoding a value. A key given twice keeps its first place and its last value, as
 * `JSON.parse` does.
 *
 * @param slices is emptied and filled with the members; for those that scan one text after another.
 * @returns members (`kind: "object"`), `array` or `scalar` for other valid texts, or a `fault`.
 */
export function scanObject(
  text: string,
  limits?: JsonLimits,
  slices: JsonObjectSlices = new JsonObjectSlices(),
): ObjectScan {
  const maxDepth = limits?.maxDepth ?? DEFAULT_MAX_DEPTH;
  const tooLarge = checkSize(text, limits?.maxBytes);
  if (tooLarge !== null) return tooLarge;
  const start = skipSpace(text, 0);
  const first = text.charCodeAt(start);
  if (first !== 0x7b) return scanOther(text, start, first === 0x5b ? "array" : "scalar", maxDepth);
  slices.clear();
  const end = maxDepth > 0 ? scanMembers(text, start + 1, maxDepth - 1, slices) : INVALID;
  if (end === INVALID || skipSpace(text, end) !== text.length) return explainSyntax(text, maxDepth);
  return slices;
}

/**
 * Validates a whole JSON text as {@link scanObject} does, and takes nothing apart: for those who pass
 * a value on as a whole.
 *
 * @returns the text without surrounding whitespace, or a `fault`.
 */
export function scanWhole(text: string, maxDepth: number): string | JsonFault {
  const start = skipSpace(text, 0);
  const end = skipValue(text, start, maxDepth);
  if (end === INVALID || skipSpace(text, end) !== text.length) return explainSyntax(text, maxDepth);
  return text.slice(start, end);
}

function scanOther(
  text: string,
  start: number,
  kind: JsonOther["kind"],
  maxDepth: number,
): JsonOther | JsonFault {
  const end = skipValue(text, start, maxDepth);
  if (end === INVALID || skipSpace(text, end) !== text.length) return explainSyntax(text, maxDepth);
  return { kind, raw: text.slice(start, end) };
}

/** @param at index after the opening brace. @returns index after the closing one, or INVALID. */
function scanMembers(text: string, at: number, depth: number, into: JsonObjectSlices): number {
  at = skipSpace(text, at);
  if (text.charCodeAt(at) === 0x7d) return at + 1;
  for (;;) {
    if (text.charCodeAt(at) !== 0x22) return INVALID;
    const keyStart = at;
    const stringEnd = skipString(text, at);
    if (stringEnd === 0) return INVALID;
    const isPlain = stringEnd > 0;
    const keyEnd = isPlain ? stringEnd : ~stringEnd;
    const key = isPlain
      ? text.slice(keyStart + 1, keyEnd - 1)
      : decodeString(text.slice(keyStart, keyEnd));
    at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== 0x3a) return INVALID;
    const valueStart = skipSpace(text, at + 1);
    at = skipValue(text, valueStart, depth);
    if (at === INVALID) return INVALID;
    // Written without blanks and escapes the member is one slice; otherwise it is written anew.
    if (isPlain && valueStart === keyEnd + 1)
      into.setMember(key, text.slice(keyStart, at), valueStart - keyStart);
    else into.set(key, text.slice(valueStart, at));
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === 0x7d) return at + 1;
    if (code !== 0x2c) return INVALID;
    at = skipSpace(text, at + 1);
  }
}

/** Decodes a quoted string that the scanner has accepted. */
export function decodeString(quoted: string): string {
  // A JSON text that starts with a quote and is valid is a string.
  return JSON.parse(quoted) as string;
}
