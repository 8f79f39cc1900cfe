import { jsonErrors } from "./errors.ts";
import { explainSyntax } from "./explain-syntax.ts";
import { DEFAULT_MAX_DEPTH } from "./fault.ts";
import { skipString } from "./skip-value.ts";

/** Any decimal of up to 15 digits survives a double unchanged (IEEE 754, DBL_DIG). */
const SAFE_DIGITS = 15;
/** The most `toPrecision` can write. */
const MAX_DIGITS = 100;

/**
 * Decodes a raw slice into a value for use in an expression, and refuses to when a number in it
 * would silently become another one: written back with as many digits as it has, the decoded number
 * must be the same. `9007199254740993`, `3.14159265358979323846` and `1e999` are refused;
 * `9007199254740994`, `1.0` and `0.30000000000000004` are not.
 *
 * @throws JSON_NUMBER_OUT_OF_RANGE for such a number, JSON_INVALID when `raw` is not JSON.
 */
export function decodeSlice(raw: string): unknown {
  checkNumbers(raw);
  try {
    return JSON.parse(raw);
  } catch (cause) {
    const { message, line, column } = explainSyntax(raw, DEFAULT_MAX_DEPTH);
    throw jsonErrors.JSON_INVALID({ reason: message, line, column }, cause);
  }
}

/** Whether a number written as `raw` keeps its value when decoded to a double. */
export function isExactNumber(raw: string): boolean {
  const value = Number(raw);
  if (!Number.isFinite(value)) return false;
  const written = splitNumber(raw);
  if (written.digits === "") return true;
  if (value === 0) return false;
  if (isSame(written, splitNumber(String(value)))) return true;
  return (
    written.count <= MAX_DIGITS && isSame(written, splitNumber(value.toPrecision(written.count)))
  );
}

function checkNumbers(raw: string): void {
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code === 0x22) {
      const end = skipString(raw, i);
      if (end === 0) return; // not JSON; the decoder will say so
      i = (end > 0 ? end : ~end) - 1;
    } else if (code >= 0x30 && code <= 0x39) {
      i = checkNumber(raw, i) - 1;
    }
  }
}

/** @param start index of the number's first digit. @returns index after the number. */
function checkNumber(raw: string, start: number): number {
  let digits = 0;
  let hasExponent = false;
  let at = start;
  for (; ; at++) {
    const code = raw.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) digits++;
    else if (code === 0x65 || code === 0x45) hasExponent = true;
    else if (code !== 0x2e && code !== 0x2b && code !== 0x2d) break;
  }
  if (hasExponent || digits > SAFE_DIGITS) {
    const number = raw.slice(start, at);
    if (!isExactNumber(number)) {
      const shown = number.length <= 24 ? number : `${number.slice(0, 12)}… (${digits} digits)`;
      throw jsonErrors.JSON_NUMBER_OUT_OF_RANGE({ number: shown, offset: start });
    }
  }
  return at;
}

interface Decimal {
  /** Without zeros at either end; empty for zero. */
  readonly digits: string;
  /** The number is `0.digits` times ten to this power. */
  readonly exponent: number;
  /** Digits as written, without leading zeros. */
  readonly count: number;
}

function isSame(a: Decimal, b: Decimal): boolean {
  return a.digits === b.digits && a.exponent === b.exponent;
}

function splitNumber(raw: string): Decimal {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(raw);
  if (match === null) return { digits: "", exponent: Number.NaN, count: 0 };
  const whole = match[1] ?? "";
  const all = whole + (match[2] ?? "");
  const lead = all.length - all.replace(/^0+/, "").length;
  return {
    digits: all.slice(lead).replace(/0+$/, ""),
    exponent: whole.length - lead + Number(match[3] ?? 0),
    count: all.length - lead,
  };
}
