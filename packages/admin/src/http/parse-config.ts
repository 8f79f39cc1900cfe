import { isJsonObject, type JsonObject } from "@catena/schema";
import { adminErrors } from "../errors.ts";
import { parseJsonText } from "./parse-json-text.ts";

/** Values a YAML text may come to; aliases multiply a small text without end. */
const maxValues = 500_000;
const maxDepth = 64;

/**
 * Reads a whole configuration: JSON, or YAML when the content type says so.
 *
 * @throws ADMIN_REQUEST_INVALID
 */
export function parseConfig(text: string, contentType: string | null): JsonObject {
  if (text === "") throw refused("empty request body");
  const value = contentType?.startsWith("application/yaml") ? parseYaml(text) : parseJsonText(text);
  if (isJsonObject(value)) return value;
  throw refused("expected an object whose members are lists of resources");
}

function parseYaml(text: string): unknown {
  let value: unknown;
  try {
    value = Bun.YAML.parse(text);
  } catch {
    throw refused("invalid yaml request body");
  }
  if (countValues(value, maxDepth, maxValues) > maxValues) {
    throw refused(
      `yaml of more than ${maxValues} values, or nested deeper than ${maxDepth} levels`,
    );
  }
  return value;
}

/** Counts the values within a value, up to a little over `limit`; what is too deep counts as that. */
function countValues(value: unknown, depth: number, limit: number): number {
  if (typeof value !== "object" || value === null) return 1;
  if (depth === 0) return limit + 1;
  let count = 1;
  for (const member of Object.values(value)) {
    if (count > limit) return count;
    count += countValues(member, depth - 1, limit - count);
  }
  return count;
}

function refused(reason: string): Error {
  return adminErrors.ADMIN_REQUEST_INVALID({ reason: `invalid request body: ${reason}` });
}
