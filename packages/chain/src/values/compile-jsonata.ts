import { irErrors } from "@catena/ir";
import jsonata from "jsonata";
import { type CompiledValue, constantValue, fromJson } from "./compiled-value.ts";
import type { Raw } from "./json-view.ts";
import { LinearRegex } from "./linear-regex.ts";
import type { Scope } from "./scope.ts";
import type { ValueContext } from "./value-context.ts";

/** Milliseconds, nested calls and items after which an expression is given up. */
const BOUNDS = { timeout: 250, stack: 100, sequence: 100_000 } as const;

/**
 * Compiles a JSONata expression. The library answers later, so the result is computed before the
 * values around it and read from the scope.
 */
export function compileJsonata(
  args: readonly CompiledValue[],
  path: string,
  context: ValueContext,
): CompiledValue {
  const [text, input] = args;
  const expression = parse(text?.constant ?? null, path, context);
  if (expression === null) return constantValue(null);
  const key = context.addPrepare((own) => async (scope) => {
    scope.prepared ??= new Map();
    scope.prepared.set(own, await evaluate(expression, input, scope));
  });
  return fromJson((scope) => scope.prepared?.get(key));
}

function parse(
  text: string | null,
  path: string,
  context: ValueContext,
): jsonata.Expression | null {
  try {
    // A text argument was checked to be a literal string.
    const source = JSON.parse(text ?? '""') as string;
    const expression = jsonata(source, {
      ...BOUNDS,
      // Only `new`, `exec` and `lastIndex` of the constructor's type are used.
      RegexEngine: LinearRegex as unknown as RegExpConstructor,
    });
    checkPatterns(expression.ast());
    return expression;
  } catch (error) {
    const reason = error instanceof Error ? error.message : messageOf(error);
    context.issue(`${path}/args/0`, "CHAIN_EXPRESSION", `the expression is not usable: ${reason}`);
    return null;
  }
}

/** Finds patterns that the linear engine does not know while the chain is built. */
function checkPatterns(node: unknown): void {
  if (node instanceof RegExp) new LinearRegex(node);
  else if (typeof node === "object" && node !== null)
    for (const part of Object.values(node)) checkPatterns(part);
}

async function evaluate(
  expression: jsonata.Expression,
  input: CompiledValue | undefined,
  scope: Scope,
): Promise<Raw> {
  // The library marks arrays it is given; a constant is shared by all requests.
  const given: unknown =
    input?.constant === undefined || input.constant === null
      ? input?.decoded(scope)
      : JSON.parse(input.constant);
  let result: unknown;
  try {
    result = await expression.evaluate(given);
  } catch (error) {
    // The library's messages quote values, which may be secret; its codes do not.
    throw irErrors.VALUE_ARGUMENT({ operator: "jsonata", reason: `failed (${codeOf(error)})` });
  }
  return result === undefined ? undefined : JSON.stringify(result);
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error
    ? String(error.code)
    : "unknown";
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error);
}
