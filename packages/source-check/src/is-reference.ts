import type { Bindings } from "./bindings.ts";
import { REFERENCE_HELPERS, REFERENCE_TYPES } from "./dsl-names.ts";
import { bare, child, type Node, nameOf } from "./node.ts";

/** The helper of the DSL a callee is, by whatever name it was imported. */
export function helperName(callee: Node | null, names: Bindings): string | null {
  if (callee === null) return null;
  const name = nameOf(callee);
  if (name !== null) {
    const binding = names.get(name);
    return binding.kind === "helper" ? binding.name : null;
  }
  const object = nameOf(child(callee, "object"));
  const isOfDsl = object !== null && names.get(object).kind === "dsl";
  return isOfDsl ? nameOf(child(callee, "property")) : null;
}

/** Whether an expression is a reference to a value of run time. */
export function isReference(node: Node, names: Bindings): boolean {
  const expression = bare(node);
  switch (expression.type) {
    case "Identifier":
      return names.get(nameOf(expression) ?? "").kind === "reference";
    case "MemberExpression":
      return isMemberReference(expression, names);
    case "CallExpression": {
      const helper = helperName(child(expression, "callee"), names);
      return helper !== null && REFERENCE_HELPERS.has(helper);
    }
    case "TaggedTemplateExpression":
      return helperName(child(expression, "tag"), names) === "tpl";
    default:
      return false;
  }
}

function isMemberReference(member: Node, names: Bindings): boolean {
  const object = child(member, "object");
  if (object === null) return false;
  const inner = bare(object);
  const name = nameOf(inner);
  if (name !== null) {
    const { kind } = names.get(name);
    return kind === "scope" || kind === "reference";
  }
  return isReference(inner, names);
}

/** Whether a parameter is declared to be a reference: `(item: Ref<Item>)`. */
export function isReferenceTyped(param: Node): boolean {
  const annotation = child(param, "typeAnnotation");
  const type = annotation === null ? null : child(annotation, "typeAnnotation");
  return type !== null && REFERENCE_TYPES.has(nameOf(child(type, "typeName")) ?? "");
}
