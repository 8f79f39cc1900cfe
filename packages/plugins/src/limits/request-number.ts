import type { Checked } from "@catena/errors";
import { compileTemplate, type Template, toNumber } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";

/** A number of a configuration: fixed, or a text with variables that each request fills in. */
export type RequestNumber = number | Template;

export function compileNumber(value: number | string, path: string): Checked<RequestNumber> {
  if (typeof value === "number") return { value, issues: [] };
  const { value: template, issues } = compileTemplate(value);
  return template === undefined
    ? { issues: issues.map((issue) => ({ ...issue, path })) }
    : { value: template, issues: [] };
}

/** The number for a request; `null` when it is not a whole number from `minimum` on. */
export function readNumber(
  number: RequestNumber,
  ctx: RequestContext,
  minimum: number,
): number | null {
  if (typeof number === "number") return number;
  const value = toNumber(number.render(ctx));
  return value !== null && value >= minimum && Number.isSafeInteger(value) ? value : null;
}
