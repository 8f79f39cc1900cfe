import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Checked } from "@catena/errors";
import { compilePattern, type Pattern } from "@catena/expr";
import { compileReplacement, type Replacement, replaceAll, replaceFirst } from "./replacement.ts";

/** One replacement in a body. */
export interface BodyFilter {
  readonly pattern: Pattern;
  readonly replacement: Replacement;
  readonly isGlobal: boolean;
}

interface ConfiguredFilter {
  readonly regex: string;
  readonly replace: string;
  readonly scope?: "once" | "global";
  readonly options?: string;
}

export function compileBodyFilter(filter: ConfiguredFilter, path: string): Checked<BodyFilter> {
  const { regex, replace, options = "jo" } = filter;
  // j, o and u change nothing here: RE2 compiles once, and bodies are read as UTF-8 anyway.
  const unknown = /[^ijomsu]/.exec(options);
  if (unknown !== null) {
    const message = `regex "${regex}" validation failed: unknown flag "${unknown[0]}"`;
    return { issues: [{ path: `${path}/options`, code: "REWRITE_INVALID", message }] };
  }
  const pattern = compilePattern(regex, {
    ignoreCase: options.includes("i"),
    dotAll: options.includes("s"),
    multiline: options.includes("m"),
  });
  const replacement = compileReplacement(replace);
  const issues = [
    ...pattern.issues.map((issue) => ({
      ...issue,
      path: `${path}/regex`,
      message: `regex "${regex}" validation failed: ${issue.message}`,
    })),
    ...replacement.issues.map((issue) => ({ ...issue, path: `${path}/replace` })),
  ];
  if (pattern.value === undefined || replacement.value === undefined) return { issues };
  return {
    value: {
      pattern: pattern.value,
      replacement: replacement.value,
      isGlobal: filter.scope === "global",
    },
    issues,
  };
}

/** Whether a body of this `Content-Encoding` can be looked into. */
export function isReadable(encoding: string | null): boolean {
  return encoding === null || ["", "identity", "gzip", "br"].includes(encoding.toLowerCase());
}

/** A filtered body, decoded; `null` when it can't be decoded within the limit or filtered in time. */
export function filterBody(
  bytes: Uint8Array,
  encoding: string | null,
  filters: readonly BodyFilter[],
  limitBytes: number,
): Uint8Array | null {
  const decoded = decode(bytes, encoding, limitBytes);
  if (decoded === null) return null;
  const charset = isUtf8(decoded) ? "utf8" : "latin1";
  let text = decoded.toString(charset);
  for (const { pattern, replacement, isGlobal } of filters) {
    const replaced = isGlobal
      ? replaceAll(text, pattern, replacement)
      : replaceFirst(text, pattern, replacement);
    if (replaced === null) return null;
    text = replaced;
  }
  return Buffer.from(text, charset);
}

function decode(bytes: Uint8Array, encoding: string | null, limitBytes: number): Buffer | null {
  try {
    switch (encoding?.toLowerCase()) {
      case "gzip":
        return gunzipSync(bytes, { maxOutputLength: limitBytes });
      case "br":
        return brotliDecompressSync(bytes, { maxOutputLength: limitBytes });
      default:
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
  } catch {
    return null;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
