import type { CallBody, UpstreamCall } from "../transport.ts";

/** Of connections of HTTP/1.1 (RFC 9113 §8.2.2), or said in another way here. */
const LEFT_OUT = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
]);

/** Methods whose missing body is said with a length of 0 (RFC 9110 §8.6). */
const ANTICIPATES_BODY = /^(?:POST|PUT|PATCH)$/;

/**
 * The fields of a request (RFC 9113 §8.3.1): the Host becomes `:authority`, names are in lower case.
 * `te: trailers` is always sent, for trailers are read, and servers of gRPC insist on it.
 *
 * @param call checked: its headers are fit for HTTP/1.1.
 * @param bodyBytes `null` when the length is not known.
 */
export function requestFields(call: UpstreamCall, bodyBytes: number | null): string[] {
  const { headers, origin, method, target } = call;
  let authority = "";
  const fields: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    // The bound makes both elements present.
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    if (name === "host") authority = value;
    // RFC 9113 §8.2.1: blanks around a value are an error here.
    if (!LEFT_OUT.has(name)) fields.push(name, value.trim());
  }
  fields.push("te", "trailers");
  const isSaid = bodyBytes !== null && (call.body !== null || ANTICIPATES_BODY.test(method));
  if (isSaid) fields.push("content-length", String(bodyBytes));
  const scheme = origin.scheme === "grpcs" ? "https" : "http";
  const pseudo = [":method", method, ":scheme", scheme, ":authority", authority, ":path", target];
  return [...pseudo, ...fields];
}

/** A body that is here as bytes; `null` for one that streams. */
export function bodyBytes(body: CallBody): Uint8Array | null {
  if (body === null) return NOTHING;
  if (typeof body === "string") return Buffer.from(body);
  return body instanceof Uint8Array ? body : null;
}

const NOTHING = new Uint8Array(0);
