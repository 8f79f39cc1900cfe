import { arraySlices } from "@catena/json";
import { kindOf, type Raw } from "./json-view.ts";
import { valueFault } from "./value-fault.ts";

/** RFC 9110 §5.5; beyond latin1 there is no way to write a field value. */
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The text of a scalar where text is wanted: numbers keep their digits.
 *
 * @returns `undefined` for what is absent or `null`.
 * @throws CHAIN_VALUE_FAULT for an array or object.
 */
export function rawToText(raw: Raw): string | undefined {
  if (raw === undefined) return undefined;
  switch (kindOf(raw)) {
    case "string":
      // A valid JSON text that starts with a quote decodes to a string, mostly the one between them.
      return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    case "null":
      return undefined;
    case "object":
    case "array":
      throw valueFault("must be text, a number or a boolean");
    default:
      return raw;
  }
}

/** One whole path segment, or a part of one: `a/b?x=1#../é` stays one segment. */
export function encodePathPart(text: string): string {
  return encode(text);
}

/** A query component (RFC 3986 §3.4), written so that `+` and `&` in data stay data. */
export function encodeQueryPart(text: string): string {
  return encode(text);
}

/** Whether a header can carry a text: not with CR, LF, NUL, other controls, or beyond latin1. */
export function isHeaderValue(text: string): boolean {
  return !NOT_FIELD_VALUE.test(text);
}

/** The values of a header or query member: an array gives several, absent ones none. */
export function landingTexts(raw: Raw): readonly string[] {
  if (raw === undefined) return [];
  if (kindOf(raw) !== "array") {
    const text = rawToText(raw);
    return text === undefined ? [] : [text];
  }
  const texts: string[] = [];
  for (const element of arraySlices(raw) ?? []) {
    const text = rawToText(element);
    if (text !== undefined) texts.push(text);
  }
  return texts;
}

function encode(text: string): string {
  // A lone surrogate has no UTF-8 form and would throw.
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text.isWellFormed() ? text : text.toWellFormed()).replace(
    SUB_DELIMITERS,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** RFC 3986 §2.3: what ids are mostly made of, and is written as it is. */
const UNRESERVED = /^[A-Za-z0-9._~-]*$/;

/** What `encodeURIComponent` leaves of RFC 3986 §2.2. */
const SUB_DELIMITERS = /[!'()*]/g;
