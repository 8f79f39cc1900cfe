import type { Checked, Issue } from "@catena/errors";
import { bodyVariables } from "./body-variables.ts";
import { type Comparison, operators } from "./operators.ts";
import type { RequestView } from "./request-view.ts";
import { compileVariable, type FurtherVariables, type Variable } from "./variables.ts";

export type Predicate = (view: RequestView) => boolean;

/** Deepest nesting of lists in an expression. */
const maxDepth = 32;

/** Most conditions one expression may have. */
const maxConditions = 1000;

const always: Predicate = () => true;

/**
 * Compiles an APISIX expression (`vars`, `_meta.filter`, `match`, …; lua-resty-expr): a list of
 * conditions that must all hold, or `[LOGIC, …]`; a condition is `[variable, operator, value]` with
 * an optional `"!"` before the operator. An empty list always holds.
 *
 * Where APISIX is lenient and this is not: a regular expression that does not compile, or needs
 * backtracking, and a variable that is not served are issues here, while APISIX takes the expression
 * and never meets the condition.
 *
 * @returns issues with paths into the expression, worded like APISIX's where it has a word for them.
 *
 * @example
 * const { value: holds } = compileExpression([["arg_x", "==", "1"], ["http_a", "!", "~~", "^b"]]);
 */
export function compileExpression(
  expression: unknown,
  further?: FurtherVariables,
): Checked<Predicate> {
  if (!Array.isArray(expression)) {
    return { issues: [invalid("", "rule should be wrapped inside brackets")] };
  }
  if (expression.length === 0) return { value: always, issues: [] };
  const [first]: unknown[] = expression;
  if (!isTable(first) && logicOf(first) === null) {
    return { issues: [invalid("", "rule should be wrapped inside brackets")] };
  }
  const compilation: Compilation = { issues: [], conditions: 0, further };
  const value = compileRule(expression, "", 1, compilation);
  return value === null || compilation.issues.length > 0
    ? { issues: compilation.issues }
    : { value, issues: [] };
}

/**
 * What is wrong with an expression of a route or a `filter`, which may ask for the request's body, first
 * finding first; `null` when it can be compiled.
 */
export function checkExpression(expression: readonly unknown[]): string | null {
  return compileExpression(expression, bodyVariables).issues[0]?.message ?? null;
}

interface Compilation {
  readonly issues: Issue[];
  conditions: number;
  readonly further: FurtherVariables | undefined;
}

/** `null` when an issue was noted. */
function compileRule(
  rule: unknown,
  path: string,
  depth: number,
  compilation: Compilation,
): Predicate | null {
  if (isTable(rule) && !Array.isArray(rule)) return note(compilation, path, "rule too short");
  if (!Array.isArray(rule)) return note(compilation, path, "invalid expression");
  const items: readonly unknown[] = rule;
  if (items.length === 0) return note(compilation, path, "rule too short");
  if (depth > maxDepth) return note(compilation, path, `nested deeper than ${maxDepth} lists`);
  if (isTable(items[0])) return compileList("AND", items, 0, path, depth, compilation);
  const logic = logicOf(items[0]);
  if (logic === null) return compileCondition(items, path, compilation);
  if (items.length <= 2) return note(compilation, path, "rule too short");
  return compileList(logic, items, 1, path, depth, compilation);
}

function compileList(
  logic: Logic,
  items: readonly unknown[],
  from: number,
  path: string,
  depth: number,
  compilation: Compilation,
): Predicate | null {
  const predicates: Predicate[] = [];
  for (let i = from; i < items.length; i++) {
    const predicate = compileRule(items[i], `${path}/${i}`, depth + 1, compilation);
    if (predicate !== null) predicates.push(predicate);
    else if (compilation.conditions > maxConditions) return null;
  }
  if (predicates.length !== items.length - from) return null;
  return combine[logic](predicates);
}

type Logic = "AND" | "OR" | "!AND" | "!OR";

const combine: Readonly<Record<Logic, (predicates: readonly Predicate[]) => Predicate>> = {
  AND: all,
  OR: any,
  "!AND": (predicates) => negate(all(predicates)),
  "!OR": (predicates) => negate(any(predicates)),
};

function all(predicates: readonly Predicate[]): Predicate {
  const [first] = predicates;
  if (first !== undefined && predicates.length === 1) return first;
  return (view) => {
    for (const predicate of predicates) if (!predicate(view)) return false;
    return true;
  };
}

function any(predicates: readonly Predicate[]): Predicate {
  return (view) => {
    for (const predicate of predicates) if (predicate(view)) return true;
    return false;
  };
}

function negate(predicate: Predicate): Predicate {
  return (view) => !predicate(view);
}

function compileCondition(
  items: readonly unknown[],
  path: string,
  compilation: Compilation,
): Predicate | null {
  compilation.conditions++;
  if (compilation.conditions > maxConditions) {
    return note(compilation, path, `more than ${maxConditions} conditions`);
  }
  const parts = takeApart(items);
  if (typeof parts === "string") return note(compilation, path, parts);
  const operator = operators.get(parts.operator);
  if (operator === undefined) {
    return note(compilation, path, `invalid operator '${parts.operator}'`);
  }
  const variable = compileVariable(parts.variable, compilation.further);
  const comparison = operator(parts.right);
  for (const issue of variable.issues) compilation.issues.push({ ...issue, path: `${path}/0` });
  for (const issue of comparison.issues) {
    compilation.issues.push({ ...issue, path: `${path}/${parts.rightAt}${issue.path}` });
  }
  if (variable.value === undefined || comparison.value === undefined) return null;
  return compare(variable.value, comparison.value, parts.negated);
}

function compare(variable: Variable, comparison: Comparison, negated: boolean): Predicate {
  return negated ? (view) => !comparison(variable(view)) : (view) => comparison(variable(view));
}

interface Condition {
  readonly variable: string;
  readonly operator: string;
  readonly right: unknown;
  readonly rightAt: number;
  readonly negated: boolean;
}

/** The parts of a condition, or what is wrong with it in lua-resty-expr's words. */
function takeApart(items: readonly unknown[]): Condition | string {
  const [variable, second, third, fourth] = items;
  if (typeof variable !== "string") return "invalid expression";
  if (items.length === 4) {
    if (second !== "!") return "bad 'not' expression";
    if (!isWord(third)) return "invalid expression";
    const operator = String(third).toLowerCase();
    return { variable, operator, right: fourth, rightAt: 3, negated: true };
  }
  if (!isWord(second)) return "invalid expression";
  const operator = String(second).toLowerCase();
  if (items.length === 2 && !operators.has(operator)) {
    // The older form without operator, whose value is lower-cased as if it were one.
    return { variable, operator: "==", right: operator, rightAt: 1, negated: false };
  }
  return { variable, operator, right: third, rightAt: 2, negated: false };
}

function isWord(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** What is a table in Lua: JSON arrays and objects. */
function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function logicOf(value: unknown): Logic | null {
  const word = typeof value === "string" ? value.toUpperCase() : "";
  return word === "AND" || word === "OR" || word === "!AND" || word === "!OR" ? word : null;
}

function note(compilation: Compilation, path: string, message: string): null {
  compilation.issues.push(invalid(path, message));
  return null;
}

function invalid(path: string, message: string): Issue {
  return { path, code: "EXPRESSION_INVALID", message };
}
