import { isNamed } from "@catena/http";

/** Names that requests bring nearly always; others are made from the text they came in. */
const known = [
  "accept",
  "accept-encoding",
  "accept-language",
  "apikey",
  "authorization",
  "cache-control",
  "connection",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "idempotency-key",
  "keep-alive",
  "origin",
  "pragma",
  "priority",
  "range",
  "referer",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "te",
  "traceparent",
  "tracestate",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "via",
  "x-api-key",
  "x-b3-traceid",
  "x-correlation-id",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
  "x-request-id",
  "x-requested-with",
];

const byLength: (readonly string[] | undefined)[] = [];
for (const name of known) byLength[name.length] = [...(byLength[name.length] ?? []), name];

/**
 * The header name that is written in `text` from `at` up to `end`, in lower case. One string for each
 * usual name, found without making another one: making and hashing those is half the cost of a head.
 */
export function lowerName(text: string, at: number, end: number): string {
  const candidates = byLength[end - at];
  if (candidates !== undefined) {
    for (const name of candidates) if (isNamed(text, at, name)) return name;
  }
  return text.slice(at, end).toLowerCase();
}
