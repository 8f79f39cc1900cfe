import type { Checked, Issue } from "@catena/errors";
import { compileExpression, type FurtherVariables, type Predicate } from "@catena/expr";

/**
 * Compiles a list of expressions of which one has to hold; without a list everything holds, with an
 * empty one nothing does.
 */
export function compileAnyOf(
  expressions: readonly (readonly unknown[])[] | undefined,
  path: string,
  further?: FurtherVariables,
): Checked<Predicate> {
  if (expressions === undefined) return { value: () => true, issues: [] };
  const issues: Issue[] = [];
  const predicates: Predicate[] = [];
  for (const [index, expression] of expressions.entries()) {
    const { value, issues: found } = compileExpression(expression, further);
    for (const issue of found) issues.push({ ...issue, path: `${path}/${index}${issue.path}` });
    if (value !== undefined) predicates.push(value);
  }
  if (issues.length > 0) return { issues };
  return {
    value: (view) => {
      for (const predicate of predicates) if (predicate(view)) return true;
      return false;
    },
    issues,
  };
}
