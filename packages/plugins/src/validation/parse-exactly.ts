/** JSON twice: as values, and with numbers that a double can't hold kept as they were written. */
export interface ExactlyParsed {
  readonly value: unknown;
  /** For {@link JSON.stringify} alone. */
  readonly exact: unknown;
}

/** What the runtime has beyond its types (the proposal "JSON.parse source text access"). */
interface RawJson {
  rawJSON(text: string): unknown;
}

/** Digits or an exponent that may be too much for a double. */
const longNumber = /\d{16}|\d[eE]|\d\.\d*0/;

/** `null` for what is no JSON. */
export function parseExactly(text: string): ExactlyParsed | null {
  try {
    const value: unknown = JSON.parse(text);
    return { value, exact: longNumber.test(text) ? parseRaw(text) : value };
  } catch {
    return null;
  }
}

function parseRaw(text: string): unknown {
  // The types of the runtime do not know it yet; the tests would notice if it went away.
  const { rawJSON } = JSON as unknown as RawJson;
  return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    return String(value) === context.source ? value : rawJSON(context.source);
  });
}
