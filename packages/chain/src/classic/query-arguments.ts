import type { JsonObjectSlices } from "@catena/json";

/**
 * Copies query arguments over `target` as the Lua plugin does with OpenResty's decoded arguments:
 * `a=1` a string, `a=1&a=2` an array of both in order, a bare `flag` is `true`, `e=` the empty
 * string, `+` a blank; an argument without a name is ignored. A percent sign that starts no escape
 * stands for itself.
 *
 * @param query raw, without `?`.
 */
export function mergeQueryArguments(target: JsonObjectSlices, query: string): void {
  if (query === "") return;
  const repeated = new Map<string, string>();
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const name = decodeComponent(equals < 0 ? part : part.slice(0, equals));
    if (name === "") continue;
    const value = equals < 0 ? "true" : JSON.stringify(decodeComponent(part.slice(equals + 1)));
    const earlier = repeated.get(name);
    repeated.set(name, earlier === undefined ? value : `${earlier},${value}`);
    target.set(name, earlier === undefined ? value : `[${earlier},${value}]`);
  }
}

/** Decodes `+` and `%XX` of a query component. Bytes that are not UTF-8 become U+FFFD. */
export function decodeComponent(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeBytes(spaced);
  }
}

function decodeBytes(text: string): string {
  const bytes: number[] = [];
  for (const byte of new TextEncoder().encode(text)) bytes.push(byte);
  const decoded: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const code = byte === 0x25 ? hexPair(bytes[i + 1], bytes[i + 2]) : -1;
    decoded.push(code < 0 ? byte : code);
    if (code >= 0) i += 2;
  }
  return new TextDecoder().decode(Uint8Array.from(decoded));
}

function hexPair(high: number | undefined, low: number | undefined): number {
  if (high === undefined || low === undefined) return -1;
  const pair = String.fromCharCode(high, low);
  return /^[0-9a-f]{2}$/i.test(pair) ? Number.parseInt(pair, 16) : -1;
}
