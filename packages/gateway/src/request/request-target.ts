import type { RequestTarget } from "@catena/pipeline";

/** Why a request is refused before it is matched. */
export interface TargetRefusal {
  readonly refused: string;
  readonly status: number;
}

/** Bytes of path and query; nginx's `large_client_header_buffers` is 8k, so APISIX's limit too. */
export const maxTargetBytes = 8192;

const utf8 = new TextDecoder("utf-8");

/**
 * Takes apart the URL Bun hands over. Own slicing instead of `new URL`, which costs about a
 * microsecond and throws on what Bun lets through: a Host with `/`, `@`, a space or a bad port
 * arrives as a relative or unparseable URL, a fragment stays in it, and two Host headers are joined.
 *
 * @param url `Request.url`: `http://host[:port]/path?query`, dots already resolved by Bun.
 * @param hostHeader the Host header as Bun joined it; `null` when there was none (HTTP/1.0; Bun refuses
 *   a request of HTTP/1.1 without one).
 */
export function parseTarget(url: string, hostHeader: string | null): RequestTarget | TargetRefusal {
  if (hostHeader === null) return parseWithoutHost(url);
  if (hostHeader.includes(",")) return { status: 400, refused: "more than one Host header" };
  const authority = url.indexOf("://");
  // "http" or "https": anything else (CONNECT's "host:port", a relative URL) is not for us.
  if (authority !== 4 && authority !== 5) return { status: 400, refused: "no usable request URL" };
  const pathStart = url.indexOf("/", authority + 3);
  if (pathStart < 0) return { status: 400, refused: "no path" };
  return readTarget(url.slice(pathStart), hostHeader);
}

/**
 * Takes apart the target of a request.
 *
 * @param target path and query as the client sent them, beginning with `/`.
 */
export function readTarget(target: string, hostHeader: string): RequestTarget | TargetRefusal {
  if (target.length > maxTargetBytes) return { status: 414, refused: "URI too long" };
  if (target.includes("#")) return { status: 400, refused: "fragment in the URI" };
  const host = normaliseHost(hostHeader);
  if (host === null) return { status: 400, refused: "invalid Host header" };
  const queryStart = target.indexOf("?");
  const path = normalisePath(queryStart < 0 ? target : target.slice(0, queryStart));
  if (path === null) return { status: 400, refused: "invalid path" };
  return {
    rawHost: hostHeader,
    host,
    path,
    rawTarget: target,
    query: queryStart < 0 ? "" : target.slice(queryStart + 1),
  };
}

/**
 * What a request of HTTP/1.0 without a Host is taken to ask for, as health checks of load balancers
 * do; APISIX has a server name for them, which no route names.
 */
export const unnamedHost = "localhost";

/** Bun gives such a target as it came: nothing is resolved in it yet. */
function parseWithoutHost(target: string): RequestTarget | TargetRefusal {
  const url = target.startsWith("/") ? `http://${unnamedHost}${target}` : "";
  return URL.canParse(url)
    ? parseTarget(new URL(url).href, unnamedHost)
    : { status: 400, refused: "no Host header" };
}

/** Lower case, without port and one trailing dot (nginx `$host`); `null` when it is no host at all. */
export function normaliseHost(header: string): string | null {
  let end = header.length;
  if (header.charCodeAt(0) === 91 /* [ */) {
    const bracket = header.indexOf("]");
    if (bracket < 0) return null;
    end = bracket + 1;
    if (end < header.length && !isPort(header, end)) return null;
  } else {
    const colon = header.indexOf(":");
    if (colon >= 0) {
      if (!isPort(header, colon)) return null;
      end = colon;
    }
  }
  if (end > 0 && header.charCodeAt(end - 1) === 46 /* . */) end -= 1;
  if (end === 0) return null;
  for (let i = 0; i < end; i++) {
    const code = header.charCodeAt(i);
    // RFC 3986 reg-name without percent-encoding, IPv6 brackets, and the underscore people use.
    const allowed =
      (code >= 97 && code <= 122) ||
      (code >= 48 && code <= 57) ||
      code === 45 ||
      code === 46 ||
      code === 95 ||
      (code >= 65 && code <= 90) ||
      code === 58 ||
      code === 91 ||
      code === 93;
    if (!allowed) return null;
    if (code === 46 && header.charCodeAt(i + 1) === 46) return null;
  }
  return header.slice(0, end).toLowerCase();
}

function isPort(header: string, colon: number): boolean {
  if (header.charCodeAt(colon) !== 58) return false;
  const digits = header.length - colon - 1;
  if (digits < 1 || digits > 5) return false;
  let port = 0;
  for (let i = colon + 1; i < header.length; i++) {
    const digit = header.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port > 0 && port <= 65535;
}

/**
 * What nginx calls `$uri`: percent-decoded once, `.` and `..` resolved, repeated slashes merged.
 * `null` for an invalid escape, a NUL, or a path that climbs above the root: nginx answers 400.
 */
export function normalisePath(raw: string): string | null {
  const hasEscape = raw.includes("%");
  // Nearly every path: nothing to decode, to merge or to resolve.
  if (!hasEscape && !raw.includes("//") && !raw.includes("/.")) return raw;
  let path = raw;
  if (hasEscape) {
    const decoded = decodeOnce(raw);
    if (decoded === null || decoded.includes("\0")) return null;
    path = decoded;
  }
  const segments = path.split("/");
  const kept: string[] = [];
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i];
    const last = i === segments.length - 1;
    if (segment === "..") {
      if (kept.length === 0) return null;
      kept.pop();
    } else if (segment !== "." && segment !== "" && segment !== undefined) {
      kept.push(segment);
      continue;
    }
    if (last) return kept.length === 0 ? "/" : `/${kept.join("/")}/`;
  }
  return `/${kept.join("/")}`;
}

function decodeOnce(raw: string): string | null {
  const bytes = new Uint8Array(raw.length * 3);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code !== 37 /* % */) {
      // Bun percent-encodes everything beyond ASCII, so one code unit is one byte here.
      if (code > 127) return null;
      bytes[length++] = code;
      continue;
    }
    const high = hexDigit(raw.charCodeAt(i + 1));
    const low = hexDigit(raw.charCodeAt(i + 2));
    if (high < 0 || low < 0) return null;
    bytes[length++] = high * 16 + low;
    i += 2;
  }
  return utf8.decode(bytes.subarray(0, length));
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 65 && code <= 70) return code - 55;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}
