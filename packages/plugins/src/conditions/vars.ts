import type { Checked } from "@catena/errors";
import { compileExpression, type FurtherVariables, type Predicate } from "@catena/expr";
import { Type } from "@sinclair/typebox";

/** An expression as stored; what it may be is checked by compiling it. */
export function varsSchema(description: string) {
  return Type.Unsafe<readonly unknown[]>(Type.Array(Type.Unknown(), { description }));
}

/** An expression that may also be a list that starts with `OR`. */
export function conditionsSchema(description: string) {
  const item = Type.Union([Type.Array(Type.Unknown()), Type.String()]);
  return Type.Unsafe<readonly unknown[]>(Type.Array(item, { minItems: 1, description }));
}

/** Compiles the `vars` of a rule; what is wrong is told in APISIX's words. */
export function compileVars(
  vars: unknown,
  path: string,
  further?: FurtherVariables,
): Checked<Predicate> {
  const { value, issues } =
    vars === undefined
      ? { issues: [{ path: "", code: "EXPRESSION_INVALID", message: "missing argument rule" }] }
      : compileExpression(vars, further);
  return {
    ...(value === undefined ? {} : { value }),
    issues: issues.map((issue) => ({
      ...issue,
      path: path + issue.path,
      message: `failed to validate the 'vars' expression: ${issue.message}`,
    })),
  };
}
