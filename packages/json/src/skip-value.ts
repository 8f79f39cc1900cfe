// The strict scanner of RFC 8259 texts: says where a value ends without building it. Everything
// here works on character codes and allocates nothing; what is wrong is told by explain-syntax.ts.

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Returned when the text is not JSON or nests deeper than allowed. */
export const INVALID = -1;

/** @returns index of the first character at or after `at` that is not JSON whitespace. */
export function skipSpace(text: string, at: number): number {
  let code = text.charCodeAt(at);
  while (code === SPACE || code === NEWLINE || code === RETURN || code === TAB) {
    code = text.charCodeAt(++at);
  }
  return at;
}

/**
 * Finds the end of the value that starts at `at`, which must not be whitespace.
 *
 * @param depth how many more levels of arrays and objects may be opened.
 * @returns index after the value, or {@link INVALID}.
 */
export function skipValue(text: string, at: number, depth: number): number {
  const code = text.charCodeAt(at);
  if (code === QUOTE) {
    const end = skipString(text, at);
    return end > 0 ? end : end === 0 ? INVALID : ~end;
  }
  if (code === OPEN_BRACE) return depth > 0 ? skipObject(text, at, depth - 1) : INVALID;
  if (code === OPEN_BRACKET) return depth > 0 ? skipArray(text, at, depth - 1) : INVALID;
  if (code === MINUS || (code >= ZERO && code <= NINE)) return skipNumber(text, at);
  if (code === 0x74) return text.startsWith("true", at) ? at + 4 : INVALID;
  if (code === 0x66) return text.startsWith("false", at) ? at + 5 : INVALID;
  if (code === 0x6e) return text.startsWith("null", at) ? at + 4 : INVALID;
  return INVALID;
}

/**
 * Finds the end of the string whose opening quote is at `at`. One number tells three things, so
 * that the caller knows whether the content can be taken as it is.
 *
 * @returns the index after the closing quote; its complement (`~index`, negative) when the string
 *   holds an escape; 0 when it is not a string.
 */
export function skipString(text: string, at: number): number {
  let escaped = false;
  for (let i = at + 1; ; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return escaped ? ~(i + 1) : i + 1;
    if (code === BACKSLASH) {
      escaped = true;
      i = skipEscape(text, i + 1);
      if (i < 0) return 0;
    } else if (!(code >= SPACE)) {
      // Control characters, and NaN past the end.
      return 0;
    }
  }
}

/** @returns index of the escape's last character, or {@link INVALID}. */
function skipEscape(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at;
    case 0x75: // u
      for (let i = 1; i <= 4; i++) if (!isHexDigit(text.charCodeAt(at + i))) return INVALID;
      return at + 4;
    default:
      return INVALID;
  }
}

function isHexDigit(code: number): boolean {
  return (
    (code >= ZERO && code <= NINE) ||
    (code >= 0x41 && code <= 0x46) ||
    (code >= 0x61 && code <= 0x66)
  );
}

function skipNumber(text: string, at: number): number {
  let code = text.charCodeAt(at);
  if (code === MINUS) code = text.charCodeAt(++at);
  if (code === ZERO) {
    code = text.charCodeAt(++at);
  } else {
    if (!(code >= ZERO && code <= NINE)) return INVALID;
    do code = text.charCodeAt(++at);
    while (code >= ZERO && code <= NINE);
  }
  if (code === DOT) {
    code = text.charCodeAt(++at);
    if (!(code >= ZERO && code <= NINE)) return INVALID;
    do code = text.charCodeAt(++at);
    while (code >= ZERO && code <= NINE);
  }
  if (code === 0x65 || code === 0x45) {
    code = text.charCodeAt(++at);
    if (code === PLUS || code === MINUS) code = text.charCodeAt(++at);
    if (!(code >= ZERO && code <= NINE)) return INVALID;
    do code = text.charCodeAt(++at);
    while (code >= ZERO && code <= NINE);
  }
  return at;
}

function skipArray(text: string, at: number, depth: number): number {
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = skipValue(text, at, depth);
    if (at === INVALID) return INVALID;
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === CLOSE_BRACKET) return at + 1;
    if (code !== COMMA) return INVALID;
    at = skipSpace(text, at + 1);
  }
}

function skipObject(text: string, at: number, depth: number): number {
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1;
  for (;;) {
    if (text.charCodeAt(at) !== QUOTE) return INVALID;
    const keyEnd = skipString(text, at);
    if (keyEnd === 0) return INVALID;
    at = skipSpace(text, keyEnd > 0 ? keyEnd : ~keyEnd);
    if (text.charCodeAt(at) !== COLON) return INVALID;
    at = skipValue(text, skipSpace(text, at + 1), depth);
    if (at === INVALID) return INVALID;
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === CLOSE_BRACE) return at + 1;
    if (code !== COMMA) return INVALID;
    at = skipSpace(text, at + 1);
  }
}
