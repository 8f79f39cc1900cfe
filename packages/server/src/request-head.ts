import { type HeaderLines, MAX_HEADERS, NOT_TOKEN, NOT_VALUE, trimBlank } from "@catena/http";
import { lowerName } from "./known-names.ts";

/** A body that comes in chunks; its length is not told. */
export const CHUNKED = -1;

/** Why a request is refused before anybody looks at it. */
export interface HeadFault {
  readonly status: number;
  /** For people; never repeats what was sent. */
  readonly reason: string;
}

/** What the head of a request says. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as they were sent, beginning with `/`; bytes beyond ASCII as escapes. */
  readonly target: string;
  /** `Host` as it was sent, or the authority of a target that has one; `null` when there is none. */
  readonly host: string | null;
  /** HTTP/1.0: no chunks, no interim replies. */
  readonly isOld: boolean;
  /** Whether the client wants to go on with the connection. */
  readonly keepAlive: boolean;
  /** Bytes of the body, or {@link CHUNKED}. */
  readonly framing: number;
  /** The client waits for a sign before it sends its body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** Flat list `[name, value, …]`, names in lower case; values of a repeated name joined. */
  readonly headers: readonly string[];
  /** The same as it came, where that is as plain as {@link HeaderLines} demands. */
  readonly lines: HeaderLines | null;
}

/** Stands for a head that is none, so that its reply can be sent as others are. */
export const refusedHead: RequestHead = {
  method: "",
  target: "",
  host: null,
  isOld: false,
  keepAlive: false,
  framing: 0,
  expectsContinue: false,
  headers: [],
  lines: null,
};

/** The first line of a client that speaks HTTP/2 without having asked (RFC 9113 §3.3, §3.4). */
export const http2Preface: HeadFault = {
  status: 505,
  reason: "a version other than HTTP/1.1 and HTTP/1.0",
};

/** nginx's `large_client_header_buffers`: a request line fits into 8 KiB. */
const MAX_TARGET = 8192;

/**
 * A whole head without fault, in one go: testing every name and value on its own costs 2 µs. What does
 * not match is read again line by line for the reason. Methods are upper case, as nginx has them.
 */
const PLAIN_HEAD =
  /^[A-Z][A-Z_-]* [\x21-\x7e]+ HTTP\/1\.[0-9]\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)*\r\n/;
/** The same with bytes beyond ASCII, which are allowed (RFC 9110 §5.5) and rare. */
const WHOLE_HEAD =
  /^[A-Z][A-Z_-]* [\x21-\x7e]+ HTTP\/1\.[0-9]\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/;
/** Up to 15 digits, which a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

/**
 * Parses a head (RFC 9112 §2–§6). Strict where servers are known to read differently: a client that
 * means well has no use for what is refused, and one that does not finds no two readings.
 *
 * @param text begins with the head; what follows the empty line behind it is not looked at.
 * @param end where the empty line begins: behind the CRLF of the last header.
 */
export function parseRequestHead(text: string, end: number): RequestHead | HeadFault {
  const isAscii = PLAIN_HEAD.test(text);
  if (!isAscii && !WHOLE_HEAD.test(text)) return readAgain(text.slice(0, end));
  const space = text.indexOf(" ");
  const lineEnd = text.indexOf("\r\n");
  // ` HTTP/1.x` is nine characters long.
  const targetEnd = lineEnd - 9;
  if (targetEnd - space - 1 > MAX_TARGET) return { status: 414, reason: "the target is too long" };
  const head = readHeaders(text, lineEnd + 2, end, isAscii);
  if ("reason" in head) return head;
  head.method = methodOf(text, space);
  head.isOld = text.charCodeAt(lineEnd - 1) === 0x30;
  return finish(head, text.slice(space + 1, targetEnd));
}

type Draft = { -readonly [Name in keyof RequestHead]: RequestHead[Name] } & {
  /** What `Connection` says; `null` when it says neither. */
  asked: boolean | null;
};

/** The usual methods are compared with far more often than they are read. */
function methodOf(text: string, space: number): string {
  if (text.startsWith("GET ")) return "GET";
  if (text.startsWith("POST ")) return "POST";
  return text.slice(0, space);
}

function readHeaders(text: string, from: number, end: number, isAscii: boolean): Draft | HeadFault {
  const headers: string[] = [];
  const starts: number[] = [];
  const head: Draft = {
    method: "",
    target: "",
    host: null,
    isOld: false,
    keepAlive: true,
    framing: NO_BODY,
    expectsContinue: false,
    headers,
    lines: null,
    asked: null,
  };
  for (let at = from; at < end; ) {
    // Lines, not names: each is looked for among those before it.
    if (starts.length === MAX_HEADERS) return { status: 431, reason: "too many headers" };
    const colon = text.indexOf(":", at);
    const lineEnd = text.indexOf("\r\n", colon);
    const name = lowerName(text, at, colon);
    const value = trimBlank(text, colon + 1, lineEnd);
    const fault = takeMeaning(head, name, value);
    if (fault !== null) return fault;
    addHeader(headers, name, value);
    starts.push(at);
    at = lineEnd + 2;
  }
  if (isAscii && starts.length === headers.length / 2) {
    starts.push(end);
    head.lines = { text, starts, headers };
  }
  return head;
}

/** No length was given yet. */
const NO_BODY = -2;

/** The headers that say where the request ends, and what becomes of the connection. */
function takeMeaning(head: Draft, name: string, value: string): HeadFault | null {
  switch (name) {
    case "host":
      if (head.host !== null) return bad("more than one Host header");
      head.host = value;
      return null;
    case "content-length":
      if (head.framing === CHUNKED) return bad("both Content-Length and Transfer-Encoding");
      if (head.framing !== NO_BODY) return bad("more than one Content-Length");
      if (!LENGTH.test(value)) return bad("a Content-Length that is no length");
      head.framing = Number(value);
      return null;
    case "transfer-encoding":
      if (head.framing === CHUNKED) return bad("more than one Transfer-Encoding");
      if (head.framing !== NO_BODY) return bad("both Content-Length and Transfer-Encoding");
      // Only a lone `chunked` has one reading.
      if (value.toLowerCase() !== "chunked")
        return { status: 501, reason: "a Transfer-Encoding other than chunked" };
      head.framing = CHUNKED;
      return null;
    case "connection":
      head.asked = readConnection(value, head.asked);
      return null;
    case "expect":
      if (value.toLowerCase() !== "100-continue")
        return { status: 417, reason: "an Expect other than 100-continue" };
      head.expectsContinue = true;
      return null;
    default:
      return null;
  }
}

/** RFC 9112 §9.3: `close` wins over everything, `keep-alive` matters to HTTP/1.0. */
function readConnection(value: string, before: boolean | null): boolean | null {
  if (before === false) return false;
  if (value === "keep-alive" || value === "Keep-Alive") return true;
  let asked = before;
  for (const option of value.toLowerCase().split(",")) {
    const token = option.trim();
    if (token === "close") return false;
    if (token === "keep-alive") asked = true;
  }
  return asked;
}

/** RFC 9110 §5.3: a repeated name is a list; cookies are the exception (RFC 6265 §5.4). */
function addHeader(headers: string[], name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    headers[i + 1] += name === "cookie" ? `; ${value}` : `, ${value}`;
    return;
  }
  headers.push(name, value);
}

/** What needs all headers. */
function finish(head: Draft, target: string): RequestHead | HeadFault {
  const { isOld } = head;
  head.keepAlive = head.asked ?? !isOld;
  if (head.framing === CHUNKED && isOld) return bad("chunks in HTTP/1.0");
  if (head.framing === NO_BODY) head.framing = 0;
  if (head.host === null && !isOld) return bad("no Host header");
  // RFC 9110 §10.1.1: to HTTP/1.0 it means nothing; with no body there is nothing to wait for.
  if (isOld || head.framing === 0) head.expectsContinue = false;
  if (target.charCodeAt(0) !== 0x2f) return takeAbsolute(head, target);
  head.target = target;
  return head;
}

/** RFC 9112 §3.2.2: a target with an authority is for proxies, but has to be taken; its host counts. */
function takeAbsolute(head: Draft, target: string): RequestHead | HeadFault {
  // These name no resource of ours; nginx refuses them as well.
  if (head.method === "CONNECT") return { status: 405, reason: "CONNECT is for proxies" };
  const match = /^https?:\/\/([^/?#@]+)((?:[/?#].*)?)$/i.exec(target);
  if (match === null) return bad("a target that is no path");
  const [, authority = "", rest = ""] = match;
  head.host = authority;
  head.target = rest.startsWith("/") ? rest : `/${rest}`;
  return head;
}

const bad = (reason: string): HeadFault => ({ status: 400, reason });

/**
 * A head that is not sound as it is. RFC 3986 has no bytes beyond ASCII in a target, but clients send
 * them: as escapes they mean the same, and to everybody.
 */
function readAgain(head: string): RequestHead | HeadFault {
  const lineEnd = head.indexOf("\r\n");
  const line = head
    .slice(0, lineEnd)
    .replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  if (line.length === lineEnd) return findFault(head);
  const escaped = line + head.slice(lineEnd);
  return parseRequestHead(`${escaped}\r\n`, escaped.length);
}

/** Says what is wrong with a head that is not sound. */
function findFault(head: string): HeadFault {
  // First, because a head that comes in pieces is refused as soon as one is seen.
  if (/[^\r]\n/.test(head)) return bad("a bare line feed in the head");
  const lineEnd = head.indexOf("\r\n");
  const line = head.slice(0, lineEnd);
  if (head === "PRI * HTTP/2.0\r\n") return http2Preface;
  const [method = "", target = "", version = "", more] = line.split(" ");
  if (/^HTTP\/(?:[02-9]|[0-9]{2,})\./.test(version) && more === undefined)
    return { status: 505, reason: "a version other than HTTP/1.1 and HTTP/1.0" };
  if (!/^[A-Z][A-Z_-]*$/.test(method)) return bad("a method that is none");
  if (!/^HTTP\/1\.[0-9]$/.test(version) || more !== undefined) return bad("a bad request line");
  if (!/^[\x21-\x7e]+$/.test(target)) return bad("forbidden characters in the target");
  for (let at = lineEnd + 2; at < head.length; ) {
    const end = head.indexOf("\r\n", at);
    const colon = head.indexOf(":", at);
    if (colon <= at || colon > end) return bad("a header line without a name");
    // Refuses a folded line and a space before the colon as well (RFC 9112 §5.1, §5.2).
    if (NOT_TOKEN.test(head.slice(at, colon))) return bad("a header name that is not a token");
    if (NOT_VALUE.test(head.slice(colon + 1, end)))
      return bad("forbidden characters in a header value");
    at = end + 2;
  }
  return bad("a malformed head");
}
