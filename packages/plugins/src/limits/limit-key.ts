import type { Checked } from "@catena/errors";
import { compileTemplate, compileVariable } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";

export type KeyType = "var" | "var_combination" | "constant";

/** Whom a request is counted for. */
export type LimitKey = (ctx: RequestContext) => string;

/** Longest key that is kept as it is; what clients send must not fill the memory. */
const maxKeyLength = 256;

/**
 * Compiles the `key` of a limit: a variable, a text with variables or a constant. A variable that is
 * missing, or a text none of whose variables has a value, counts by the client's address.
 *
 * @returns issues with the path `/key`.
 */
export function compileLimitKey(key: string, type: KeyType): Checked<LimitKey> {
  if (type === "constant") return { value: () => key, issues: [] };
  if (type === "var") {
    const { value: variable, issues } = compileVariable(key);
    if (variable === undefined) return { issues: issues.map(atKey) };
    return { value: (ctx) => bounded(variable(ctx) ?? ctx.clientAddress), issues: [] };
  }
  const { value: template, issues } = compileTemplate(key);
  if (template === undefined) return { issues: issues.map(atKey) };
  return { value: (ctx) => bounded(template.renderIfAny(ctx) ?? ctx.clientAddress), issues: [] };
}

/** Whom a rule of several counts a request for; `null` when the rule does not apply to it. */
export type RuleKey = (ctx: RequestContext) => string | null;

/** Compiles the key of a rule: a text with variables, of which one must have a value. */
export function compileRuleKey(key: string): Checked<RuleKey> {
  const { value: template, issues } = compileTemplate(key);
  if (template === undefined) return { issues: issues.map(atKey) };
  return {
    value: (ctx) => {
      const text = template.renderIfAny(ctx);
      return text === null ? null : bounded(text);
    },
    issues: [],
  };
}

/** A key as it is, or a digest of one that is too long to be kept. */
function bounded(value: string | number | boolean | readonly unknown[]): string {
  const key = typeof value === "string" ? value : String(value);
  if (key.length <= maxKeyLength) return key;
  return new Bun.CryptoHasher("sha256").update(key).digest("hex");
}

function atKey<T extends object>(issue: T): T & { readonly path: string } {
  return { ...issue, path: "/key" };
}
