import { parseHttpDate } from "../auth/http-date.ts";
import { readHeader } from "../replies/reply-headers.ts";

/** Directives of a Cache-Control header; `true` for one without a value. */
export type Directives = ReadonlyMap<string, string | true>;

export function parseDirectives(header: string | null): Directives {
  const directives = new Map<string, string | true>();
  for (const part of (header ?? "").split(",")) {
    const [name = "", ...value] = part.split("=");
    const text = value
      .join("=")
      .trim()
      .replace(/^"(.*)"$/, "$1");
    if (name.trim() !== "")
      directives.set(name.trim().toLowerCase(), value.length === 0 ? true : text);
  }
  return directives;
}

/** A directive's seconds; `null` when it has none. */
export function secondsOf(directives: Directives, name: string): number | null {
  const value = directives.get(name);
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : null;
}

/** How long a reply says it is good for, in seconds; `null` when it does not say. */
export function lifetimeOf(headers: readonly string[], directives: Directives): number | null {
  const maxAge = secondsOf(directives, "s-maxage") ?? secondsOf(directives, "max-age");
  if (maxAge !== null) return maxAge;
  const expires = readHeader(headers, "expires");
  if (expires === null) return null;
  const at = parseHttpDate(expires);
  return at === null ? 0 : Math.max(0, at - Date.now() / 1000);
}

/**
 * Headers by which a reply varies, in lower case and sorted; `null` for one that varies by everything
 * (RFC 9111 §4.1).
 */
export function parseVary(headers: readonly string[]): readonly string[] | null {
  const names: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== "vary") continue;
    for (const name of (headers[i + 1] ?? "").split(",")) names.push(name.trim().toLowerCase());
  }
  const unique = [...new Set(names.filter((name) => name !== ""))].sort();
  return unique.includes("*") ? null : unique;
}
