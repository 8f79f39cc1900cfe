import { isNamed, MAX_HEADERS, NOT_TOKEN, NOT_VALUE, trimBlank } from "@catena/http";
import { endsHere, isUsualConnection } from "../../headers.ts";
import type { ReturnedLines } from "../transport.ts";

/** How the end of a body is found (RFC 9112 §6.3): a length in bytes, or one of these. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** The space after the code is required by RFC 9112 §4, but left out by servers without a reason. */
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/**
 * A whole head without fault, in one go: a twentieth of the calls that testing every name and value
 * takes (2 µs of a proxied request). What does not match is read again line by line for the reason.
 */
const WHOLE_HEAD =
  /^HTTP\/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/;
/** Up to 15 digits, which a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

/** What a head says; its headers are listed when somebody asks for them. */
export class ReplyHead {
  readonly status: number;
  /** Body length in bytes, {@link CHUNKED} or {@link UNTIL_CLOSE}; 0 when there is no body. */
  framing = UNTIL_CLOSE;
  /** HEAD, 1xx, 204, 304: no body follows, whatever the headers say. */
  readonly bodiless: boolean;
  /** Whether another request may follow on this connection. */
  keepAlive: boolean;
  /** `Keep-Alive: timeout=N` in milliseconds: how long the peer says it keeps an idle connection. */
  keepAliveMs = Number.POSITIVE_INFINITY;
  readonly #text: string;
  readonly #end: number;
  #headers: readonly string[] | null = null;

  constructor(text: string, end: number, isHead: boolean) {
    // `HTTP/1.x nnn`: the places are fixed.
    const status = statusOf(text);
    this.status = status;
    this.bodiless = isHead || status < 200 || status === 204 || status === 304;
    this.keepAlive = text.charCodeAt(7) !== 0x30;
    this.#text = text;
    this.#end = end;
  }

  /** As {@link UpstreamReply.returnedLines}. */
  returnedLines(): ReturnedLines | null {
    if (this.bodiless) return null;
    return returnLines(this.#text, this.#end, this.framing < 0 ? -1 : this.framing);
  }

  /** Flat list `[name, value, …]` in the order received. */
  get headers(): readonly string[] {
    this.#headers ??= listHeaders(this.#text, this.#end);
    return this.#headers;
  }
}

/**
 * Parses a head. Strict: what servers and proxies are known to read differently is refused.
 *
 * @param text begins with the head; what follows the empty line behind it is not looked at.
 * @param end where the empty line begins: behind the CRLF of the last header.
 * @returns the head, or the reason why it is not one.
 */
export function parseReplyHead(text: string, end: number, isHead: boolean): ReplyHead | string {
  if (!WHOLE_HEAD.test(text)) return findFault(text.slice(0, end));
  const head = new ReplyHead(text, end, isHead);
  return readFraming(head, text, end) ?? head;
}

function statusOf(text: string): number {
  return (
    (text.charCodeAt(9) - 48) * 100 + (text.charCodeAt(10) - 48) * 10 + (text.charCodeAt(11) - 48)
  );
}

/**
 * Looks at the few headers that matter here, of a head without fault, without listing all.
 *
 * @returns the fault, if there is one.
 */
function readFraming(head: ReplyHead, text: string, headEnd: number): string | null {
  const isOld = text.charCodeAt(7) === 0x30;
  let isChunked = false;
  let length = UNTIL_CLOSE;
  let count = 0;
  for (let at = text.indexOf("\r\n") + 2; at < headEnd; ) {
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", colon);
    count += 1;
    // The length picks the few names that matter without making a lower-case copy of every one.
    switch (colon - at) {
      case 14:
        if (!isNamed(text, at, "content-length")) break;
        if (length !== UNTIL_CLOSE) return "two content-length headers";
        length = readLength(trimBlank(text, colon + 1, end));
        if (length < 0) return "bad content-length";
        break;
      case 17:
        if (!isNamed(text, at, "transfer-encoding")) break;
        // Only a lone `chunked` has one reading; RFC 9112 §6.1 forbids it to HTTP/1.0.
        if (isChunked || isOld) return "bad transfer-encoding";
        if (trimBlank(text, colon + 1, end).toLowerCase() !== "chunked")
          return "bad transfer-encoding";
        isChunked = true;
        break;
      case 10:
        if (isNamed(text, at, "connection"))
          head.keepAlive = readConnection(trimBlank(text, colon + 1, end), head.keepAlive);
        else if (isNamed(text, at, "keep-alive"))
          head.keepAliveMs = readKeepAlive(trimBlank(text, colon + 1, end));
        break;
    }
    at = end + 2;
  }
  if (count > MAX_HEADERS) return `more than ${MAX_HEADERS} headers`;
  if (isChunked && length !== UNTIL_CLOSE) return "both content-length and transfer-encoding";
  if (head.bodiless) {
    head.framing = 0;
    // A peer that wrongly sends the announced body would desynchronise the next reply.
    if (isChunked || length > 0) head.keepAlive = false;
  } else {
    head.framing = isChunked ? CHUNKED : length;
    if (head.framing === UNTIL_CLOSE) head.keepAlive = false;
  }
  return null;
}

/** @returns -1 for what is no length. */
function readLength(value: string): number {
  return LENGTH.test(value) ? Number(value) : -1;
}

/** @returns the list of a head without fault. */
function listHeaders(text: string, headEnd: number): readonly string[] {
  const headers: string[] = [];
  for (let at = text.indexOf("\r\n") + 2; at < headEnd; ) {
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", colon);
    headers.push(text.slice(at, colon), trimBlank(text, colon + 1, end));
    at = end + 2;
  }
  return headers;
}

/** Cuts out the lines that end at this hop; the others follow each other mostly, and are cut out together. */
function returnLines(text: string, headEnd: number, declared: number): ReturnedLines | null {
  let kept = "";
  let from = text.indexOf("\r\n") + 2;
  let isDated = false;
  for (let at = from; at < headEnd; ) {
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", colon) + 2;
    const length = colon - at;
    if (length === 4 && isNamed(text, at, "date")) isDated = true;
    else if (length === 14 ? isNamed(text, at, "content-length") : endsHere(text, at, colon)) {
      // It may name further headers that end here.
      if (
        length === 10 &&
        isNamed(text, at, "connection") &&
        !isUsualConnection(trimBlank(text, colon + 1, end - 2))
      )
        return null;
      if (at > from) kept += text.slice(from, at);
      from = end;
    }
    at = end;
  }
  if (headEnd > from) kept += text.slice(from, headEnd);
  return { text: kept, isDated, declared };
}

/** Says what is wrong with a head that is not sound. */
function findFault(head: string): string {
  const lineEnd = head.indexOf("\r\n");
  if (!STATUS_LINE.test(head.slice(0, lineEnd))) return "bad status line";
  for (let at = lineEnd + 2; at < head.length; ) {
    const end = head.indexOf("\r\n", at);
    const colon = head.indexOf(":", at);
    if (colon <= at || colon > end) return "a header line without a name";
    // Refuses a folded line and a space before the colon as well (RFC 9112 §5.1, §5.2).
    if (NOT_TOKEN.test(head.slice(at, colon))) return "a header name that is not a token";
    if (NOT_VALUE.test(head.slice(colon + 1, end))) return "forbidden characters in a header value";
    at = end + 2;
  }
  return "a malformed head";
}

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
