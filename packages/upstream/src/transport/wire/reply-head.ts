import { NOT_TOKEN, NOT_VALUE } from "../http-syntax.ts";

/** How the end of a body is found (RFC 9112 §6.3): a length in bytes, or one of these. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

export interface ReplyHead {
  readonly status: number;
  /** Flat list `[name, value, …]` in the order received. */
  readonly headers: readonly string[];
  /** Body length in bytes, {@link CHUNKED} or {@link UNTIL_CLOSE}; 0 when there is no body. */
  readonly framing: number;
  /** HEAD, 1xx, 204, 304: no body follows, whatever the headers say. */
  readonly bodiless: boolean;
  /** Whether another request may follow on this connection. */
  readonly keepAlive: boolean;
  /** `Keep-Alive: timeout=N` in milliseconds: how long the peer says it keeps an idle connection. */
  readonly keepAliveMs: number;
}

export const MAX_HEADERS = 256;
export const MAX_HEAD_BYTES = 65_536;

/** The space after the code is required by RFC 9112 §4, but left out by servers without a reason. */
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/**
 * A whole head without fault, in one go: a twentieth of the calls that testing every name and value
 * takes (2 µs of a proxied request). What does not match is read again line by line for the reason.
 */
const WHOLE_HEAD =
  /^HTTP\/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
/** Up to 15 digits, which a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

/**
 * Parses a head whose every line, the last header's too, ends in CRLF; the empty line is not in
 * `text`. Strict: what servers and proxies are known to read differently is refused.
 *
 * @returns the head, or the reason why it is not one.
 */
export function parseReplyHead(text: string, isHead: boolean): ReplyHead | string {
  const lineEnd = text.indexOf("\r\n");
  const isSound = WHOLE_HEAD.test(text);
  if (!isSound && !STATUS_LINE.test(text.slice(0, lineEnd))) return "bad status line";
  // `HTTP/1.x nnn`: the places are fixed.
  const status = Number(text.slice(9, 12));
  const isOld = text.charCodeAt(7) === 0x30;
  const headers: string[] = [];
  let length = UNTIL_CLOSE;
  let chunked = false;
  let keepAlive = !isOld;
  let keepAliveMs = Number.POSITIVE_INFINITY;

  for (let at = lineEnd + 2; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon <= at || colon > end) return "a header line without a name";
    const name = text.slice(at, colon);
    const value = trimBlank(text, colon + 1, end);
    // Refuses a folded line and a space before the colon as well (RFC 9112 §5.1, §5.2).
    if (!isSound && NOT_TOKEN.test(name)) return "a header name that is not a token";
    if (!isSound && NOT_VALUE.test(value)) return "forbidden characters in a header value";
    headers.push(name, value);
    if (headers.length > 2 * MAX_HEADERS) return `more than ${MAX_HEADERS} headers`;
    at = end + 2;

    // The length picks the few names that matter without making a lower-case copy of every one.
    switch (name.length) {
      case 14:
        if (name.toLowerCase() !== "content-length") break;
        if (length !== UNTIL_CLOSE) return "two content-length headers";
        if (!LENGTH.test(value)) return "bad content-length";
        length = Number(value);
        break;
      case 17:
        if (name.toLowerCase() !== "transfer-encoding") break;
        // Only a lone `chunked` has one reading; RFC 9112 §6.1 forbids it to HTTP/1.0.
        if (chunked || isOld || value.toLowerCase() !== "chunked") return "bad transfer-encoding";
        chunked = true;
        break;
      case 10:
        if (name.toLowerCase() === "connection") keepAlive = readConnection(value, keepAlive);
        else if (name.toLowerCase() === "keep-alive") keepAliveMs = readKeepAlive(value);
        break;
    }
  }
  if (chunked && length !== UNTIL_CLOSE) return "both content-length and transfer-encoding";

  const bodiless = isHead || status < 200 || status === 204 || status === 304;
  if (bodiless) {
    // A peer that wrongly sends the announced body would desynchronise the next reply.
    if (chunked || length > 0) keepAlive = false;
    return { status, headers, framing: 0, bodiless, keepAlive, keepAliveMs };
  }
  const framing = chunked ? CHUNKED : length;
  if (framing === UNTIL_CLOSE) keepAlive = false;
  return { status, headers, framing, bodiless, keepAlive, keepAliveMs };
}

/** Cuts optional whitespace (RFC 9110 §5.6.3: space and tab, not what `trim` takes for blank). */
function trimBlank(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** RFC 9112 §9.3: `close` wins over everything, `keep-alive` matters to HTTP/1.0. */
function readConnection(value: string, keepAlive: boolean): boolean {
  for (const option of value.toLowerCase().split(",")) {
    const token = option.trim();
    if (token === "close") return false;
    if (token === "keep-alive") keepAlive = true;
  }
  return keepAlive;
}

function readKeepAlive(value: string): number {
  const match = /(?:^|[,;\s])timeout=([0-9]{1,9})(?:$|[,;\s])/i.exec(value);
  return match === null ? Number.POSITIVE_INFINITY : Number(match[1]) * 1000;
}
