import type { Report } from "../cluster.ts";
import type { RouteExpression } from "../crd/apisix-route.ts";
import type { Manifest } from "../read-manifests.ts";

type Operator = RouteExpression["op"];

/** As `vars` of a route has them; a `!` negates the one after it. */
const operators: Readonly<Record<Operator, readonly string[]>> = {
  Equal: ["=="],
  NotEqual: ["~="],
  GreaterThan: [">"],
  GreaterThanEqual: [">="],
  LessThan: ["<"],
  LessThanEqual: ["<="],
  RegexMatch: ["~~"],
  RegexMatchCaseInsensitive: ["~*"],
  RegexNotMatch: ["!", "~~"],
  RegexNotMatchCaseInsensitive: ["!", "~*"],
  In: ["in"],
  NotIn: ["!", "in"],
};

/** Turns `match.exprs` into `vars`; values stay text, as the controller leaves them. */
export function translateExpressions(
  expressions: readonly RouteExpression[],
  manifest: Manifest,
  path: string,
  report: Report,
): unknown[] {
  return expressions.flatMap((expression, index) => {
    const place = `${path}/${index}`;
    const variable = variableOf(expression.subject);
    const value = operandOf(expression);
    const wrong =
      variable === null
        ? { path: `${place}/subject`, message: "the subject has no name", expected: "a name" }
        : value === null
          ? {
              path: place,
              message: `${expression.op} has nothing to compare with`,
              expected: operandName(expression.op),
            }
          : null;
    if (wrong !== null) {
      report(manifest.issue({ ...wrong, code: "MANIFEST_VALUE" }));
      return [];
    }
    return [[variable, ...operators[expression.op], value]];
  });
}

function variableOf({ scope, name = "" }: RouteExpression["subject"]): string | null {
  if (scope === "Path") return "uri";
  if (name === "") return null;
  switch (scope) {
    case "Query":
      return `arg_${name}`;
    case "Header":
      return `http_${name.toLowerCase().replaceAll("-", "_")}`;
    case "Cookie":
      return `cookie_${name}`;
    case "Body":
      return `post_arg.${name}`;
    case "Variable":
      return name;
  }
}

function takesList(operator: Operator): boolean {
  return operator === "In" || operator === "NotIn";
}

function operandName(operator: Operator): string {
  return takesList(operator) ? "set: a list that is not empty" : "value: a text that is not empty";
}

function operandOf({
  op,
  value = "",
  set = [],
}: RouteExpression): string | readonly string[] | null {
  if (takesList(op)) return set.length === 0 ? null : set;
  return value === "" ? null : value;
}
