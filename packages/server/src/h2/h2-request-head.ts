import { type DecodedBlock, MAX_HEAD_BYTES, MAX_HEADERS, refuseFields } from "@catena/http";
import { CHUNKED, type HeadFault, type RequestHead } from "../request-head.ts";

/** What is no request at all (RFC 9113 §8.1.1): the stream is reset. */
export interface Malformed {
  readonly malformed: string;
}

/** nginx's `large_client_header_buffers`: a target fits into 8 KiB. */
const MAX_TARGET = 8192;

/** Up to 15 digits, which a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

const PSEUDO = new Set([":method", ":scheme", ":authority", ":path"]);

/**
 * Reads the head of a request (RFC 9113 §8.3.1) as one of HTTP/1.1 would say it: `:authority` is the
 * Host, a body without a length comes in chunks.
 *
 * @param isLast whether there is no body.
 */
export function readRequestHead(
  fields: DecodedBlock,
  isLast: boolean,
): RequestHead | HeadFault | Malformed {
  if (fields === "too large")
    return { status: 431, reason: `more than ${MAX_HEADERS} fields or ${MAX_HEAD_BYTES} bytes` };
  const pseudo = new Map<string, string>();
  let at = 0;
  for (; at < fields.length && fields[at]?.startsWith(":") === true; at += 2) {
    const name = fields[at] ?? "";
    if (!PSEUDO.has(name) || pseudo.has(name)) return { malformed: "a bad pseudo field" };
    pseudo.set(name, fields[at + 1] ?? "");
  }
  const fault = refuseFields(fields, at);
  if (fault !== null) return { malformed: fault };
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  if (method === undefined || path === undefined || !pseudo.has(":scheme"))
    return { malformed: "a pseudo field is missing" };
  return finish(method, path, pseudo.get(":authority") ?? null, fields.slice(at), isLast);
}

function finish(
  method: string,
  path: string,
  authority: string | null,
  fields: readonly string[],
  isLast: boolean,
): RequestHead | HeadFault | Malformed {
  const headers = join(fields);
  const host = fieldOf(headers, "host");
  const length = fieldOf(headers, "content-length");
  if (length !== null && (!LENGTH.test(length) || (isLast && Number(length) > 0)))
    return { malformed: "a content-length that is none, or not that of the body" };
  if (host !== null && authority !== null && host !== authority)
    return bad("a Host that is not the authority");
  const named = authority ?? host;
  if (named === null || named.includes("@")) return bad("no authority");
  if (host === null) headers.unshift("host", named);
  if (!/^[A-Z][A-Z_-]*$/.test(method)) return bad("a method that is none");
  const target = path.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (!/^\/[\x21-\x7e]*$/.test(target)) return bad("a target that is no path");
  if (target.length > MAX_TARGET) return { status: 414, reason: "the target is too long" };
  return {
    method,
    target,
    host: named,
    isOld: false,
    keepAlive: true,
    framing: isLast ? 0 : length === null ? CHUNKED : Number(length),
    expectsContinue: fieldOf(headers, "expect")?.toLowerCase() === "100-continue" && !isLast,
    headers,
    lines: null,
  };
}

/** RFC 9110 §5.3: a repeated name is a list; RFC 9113 §8.2.3: cookies come apart. */
function join(fields: readonly string[]): string[] {
  const places = new Map<string, number>();
  const headers: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    // The bound makes both elements present.
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const place = places.get(name);
    if (place === undefined) {
      places.set(name, headers.length);
      headers.push(name, value);
    } else headers[place + 1] += name === "cookie" ? `; ${value}` : `, ${value}`;
  }
  return headers;
}

function fieldOf(headers: readonly string[], name: string): string | null {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1] ?? "";
  return null;
}

const bad = (reason: string): HeadFault => ({ status: 400, reason });
