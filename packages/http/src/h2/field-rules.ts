import { NOT_VALUE } from "../http-syntax.ts";

/** RFC 9113 §8.2.1: a token without capitals. */
const NOT_NAME = /[^!#$%&'*+\-.^_`|~0-9a-z]/;

/** RFC 9113 §8.2.2: of HTTP/1.1 connections; here they would be a way to smuggle. */
const OF_CONNECTIONS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Why the fields of a head or trailers are malformed (RFC 9113 §8.2), or `null`. Looks at all from
 * `from` on, which are not to be pseudo fields.
 */
export function refuseFields(fields: readonly string[], from: number): string | null {
  for (let i = from; i + 1 < fields.length; i += 2) {
    // The bound makes both elements present.
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name === "" || NOT_NAME.test(name)) return "a field name is not a token in lower case";
    if (OF_CONNECTIONS.has(name)) return `"${name}" is not of HTTP/2`;
    if (NOT_VALUE.test(value) || BLANK_AROUND.test(value))
      return `the value of "${name}" has forbidden characters`;
    if (name === "te" && value !== "trailers") return '"te" may only be "trailers"';
  }
  return null;
}

/** RFC 9113 §8.2.1: blanks around a value are not cut, they are an error. */
const BLANK_AROUND = /^[\t ]|[\t ]$/;
