import { findProblems } from "./find-problems.ts";
import type { Kind } from "./kinds.ts";
import type { ValidationOptions } from "./validation-options.ts";

/**
 * Words the first failure of a document exactly as APISIX's Admin API does
 * (`invalid configuration: property "uri" validation failed: wrong type: expected string, got number`).
 * Clients and tests match on these texts, so they are part of the interface.
 *
 * @returns `null` when the document is valid.
 */
export function apisixMessage(
  kind: Kind,
  value: unknown,
  options: ValidationOptions = {},
): string | null {
  return findProblems(kind, value, options)[0]?.apisix ?? null;
}

/** As above for the schema alone, without the words in front, as `POST /schema/validate` does. */
export function apisixSchemaMessage(
  kind: Kind,
  value: unknown,
  options: Pick<ValidationOptions, "id"> = {},
): string | null {
  const message = findProblems(kind, value, { ...options, only: "schema" })[0]?.apisix ?? null;
  return message === null ? null : message.replace(/^invalid configuration: /, "");
}
