/**
 * The header lines of a message as they came, so that they can be passed on without being taken apart
 * and put together again. Only of a head without fault, in ASCII, and without a name that is repeated.
 */
export interface HeaderLines {
  /** The head, and possibly more behind it. */
  readonly text: string;
  /** Where each line begins in `text`; the last is where the lines end. */
  readonly starts: readonly number[];
  /** Flat list `[name, value, …]` of the same lines, names in lower case. */
  readonly headers: readonly string[];
}

/** One line per header; with the count of lines this holds all that a name and a value may be. */
const SOUND_LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*\r\n)*$/;

/** Headers that say something of the message or its connection, and are not for adding to others. */
const meant = new Set([
  "connection",
  "content-length",
  "date",
  "host",
  "keep-alive",
  "proxy-connection",
  "server",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Words headers as lines, each with its CRLF, to be put behind lines that are passed on as they came.
 *
 * @param headers flat list `[name, value, …]`.
 * @returns `null` when one of them may not be fit for that.
 */
export function wordLines(headers: readonly string[]): string | null {
  let lines = "";
  for (let i = 0; i + 1 < headers.length; i += 2) {
    // The bound makes both elements present.
    const name = headers[i] as string;
    // Most that are added begin with `X-`, and none of the others does.
    if ((name.charCodeAt(0) | 0x20) !== 0x78 && meant.has(name.toLowerCase())) return null;
    lines += `${name}: ${headers[i + 1]}\r\n`;
  }
  // A line end within a value would make one more header, and no less sound a list.
  return SOUND_LINES.test(lines) && countLines(lines) === headers.length / 2 ? lines : null;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
