import { isIPv4, isIPv6 } from "node:net";
import { isObjectLike } from "./json-schema.ts";

/** Whether a value has a JSON Schema type (draft 7, 6.1.1); `1.0` is an integer. */
export function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "string":
    case "boolean":
      return typeof value === type;
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObjectLike(value);
    default:
      return false;
  }
}

/** Length in characters (code points), as JSON Schema counts it. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const code = text.charCodeAt(i);
    if (code < 0xd800 || code > 0xdbff) continue;
    const next = text.charCodeAt(i + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      count--;
      i++;
    }
  }
  return count;
}

/** Formats not listed here are annotations and accept everything. */
export function hasFormat(text: string, format: string): boolean {
  if (format === "ipv4") return isIPv4(text);
  if (format === "ipv6") return isIPv6(text) && !text.includes("%");
  return true;
}

/**
 * Whether a string stands for a value kept elsewhere (`$secret://vault/1/jack/key`, `$ENV://KEY`),
 * so that limits on the value cannot be checked here.
 */
export function isSecretReference(text: string): boolean {
  return text.startsWith("$secret://") || /^\$env:\/\//i.test(text);
}

const patterns = new Map<string, RegExp>();

/** Patterns come from schemas, which are code, so the cache is bounded by them. */
export function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) {
    pattern = new RegExp(source);
    patterns.set(source, pattern);
  }
  return pattern;
}
