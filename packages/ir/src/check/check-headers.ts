import { pointerSegment } from "@catena/errors";
import { CHAIN_LIMITS } from "../chain-limits.ts";
import { describeFound } from "../describe-found.ts";
import type { StoredValue } from "../stored-chain.ts";
import { isStoredLiteral, isStoredObject } from "../stored-value.ts";
import { checkValue, type ValueScope } from "./check-value.ts";
import type { Findings } from "./findings.ts";

/** RFC 9110 §7.6.1 and RFC 9112 §6: the connection's business, set by the gateway alone. */
const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110 §5.6.2: the characters of a field name. */
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: what a field value must not contain; CR, LF and NUL are among them. */
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function checkHeaders(
  headers: Readonly<Record<string, StoredValue>> | undefined,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  const entries = Object.entries(headers ?? {});
  if (entries.length > CHAIN_LIMITS.maxHeaders) {
    findings.add(path, "CHAIN_HEADER", "too many headers", {
      expected: `at most ${CHAIN_LIMITS.maxHeaders}`,
      found: String(entries.length),
    });
  }
  const seen = new Set<string>();
  for (const [name, value] of entries) {
    const at = `${path}/${pointerSegment(name)}`;
    const lower = name.toLowerCase();
    if (!FIELD_NAME.test(name)) {
      findings.add(at, "CHAIN_HEADER", "not the name of a header", { found: describeFound(name) });
    } else if (FORBIDDEN_HEADERS.has(lower)) {
      findings.add(at, "CHAIN_HEADER", `header "${name}" is set by the gateway alone`);
    } else if (seen.has(lower)) {
      findings.add(at, "CHAIN_HEADER", `header "${name}" is given twice`, {
        hint: "header names differ in more than case",
      });
    }
    seen.add(lower);
    checkHeaderValue(value, at, findings);
    checkValue(value, at, scope, findings);
  }
}

function checkHeaderValue(value: StoredValue, path: string, findings: Findings): void {
  if (typeof value === "string" && NOT_FIELD_VALUE.test(value)) {
    findings.add(path, "CHAIN_HEADER", "a header's value has a character it must not have", {
      expected: "no CR, LF, NUL or other control character, and nothing beyond latin1",
    });
  } else if (!isTextual(value)) {
    findings.add(path, "CHAIN_HEADER", "a header's value is a string, a number or a boolean", {
      found: describeFound(value),
    });
  }
}

/** Whether a stored value can be text once computed: no array and no object that is written out. */
export function isTextual(value: StoredValue | undefined): boolean {
  return !Array.isArray(value) && !isStoredObject(value) && !isStoredLiteral(value);
}
