/** Why a text was refused, and where. */
export interface JsonFault {
  readonly kind: "fault";
  readonly code: "JSON_SYNTAX" | "JSON_TOO_DEEP" | "JSON_TOO_LARGE";
  /** In one phrase without the place: `trailing comma before }`. */
  readonly message: string;
  /** What would have been accepted at this place. */
  readonly expected?: string;
  /** Bytes before the place when the text is encoded as UTF-8. */
  readonly offset: number;
  /** Counts from 1; `\n`, `\r\n` and a lone `\r` end a line. */
  readonly line: number;
  /** Counts characters (code points) from 1. */
  readonly column: number;
}

/** A key given twice in one object; the place is that of the repetition. */
export interface DuplicateKey {
  /** JSON pointer of the member. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** Limits on a text from outside; both are checked before any value is built. */
export interface JsonLimits {
  /** Arrays and objects within each other; the outermost counts as 1. Default 64. */
  readonly maxDepth?: number;
  /** Bytes of the text in UTF-8. Default: no limit (the caller has read it already). */
  readonly maxBytes?: number;
}

export const DEFAULT_MAX_DEPTH = 64;

/** Words a fault with its place: `trailing comma before } at line 12, column 15`. */
export function formatFault(fault: JsonFault): string {
  return `${fault.message} at line ${fault.line}, column ${fault.column}`;
}

/** @param index place in UTF-16 units, as in `charCodeAt`. */
export function faultAt(
  text: string,
  index: number,
  code: JsonFault["code"],
  message: string,
  expected?: string,
): JsonFault {
  const before = text.slice(0, index);
  const lines = before.split(/\r\n|\r|\n/);
  const lastLine = lines[lines.length - 1] ?? "";
  return {
    kind: "fault",
    code,
    message,
    ...(expected === undefined ? {} : { expected }),
    offset: Buffer.byteLength(before),
    line: lines.length,
    column: Array.from(lastLine).length + 1,
  };
}

/** The fault of a text over `maxBytes`, or `null`. */
export function checkSize(text: string, maxBytes: number | undefined): JsonFault | null {
  // A UTF-16 unit takes at most three bytes of UTF-8, so most texts need no counting.
  if (maxBytes === undefined || text.length * 3 <= maxBytes) return null;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return null;
  return faultAt(
    text,
    0,
    "JSON_TOO_LARGE",
    `text of ${bytes} bytes is over the limit of ${maxBytes}`,
  );
}
