import type { Binding } from "./bindings.ts";
import { Bindings } from "./bindings.ts";
import { everyProperty, fallbacksIn, ITEM, SCOPE } from "./callbacks.ts";
import { CHAIN_CALLBACKS, DSL_MODULE } from "./dsl-names.ts";
import { helperName, isReference, isReferenceTyped } from "./is-reference.ts";
import type { Misuse } from "./misuses.ts";
import * as misuses from "./misuses.ts";
import {
  bare,
  child,
  children,
  everyChild,
  isFunction,
  type Node,
  nameOf,
  textOf,
} from "./node.ts";

/** Says of a node what is wrong there. */
export type Report = (node: Node, misuse: Misuse) => void;

/**
 * Walks a module and reports references that are used as if they were values. What is a reference
 * follows from where it comes from: the `$` of a chain's callbacks, the item of an `each`, the
 * helpers of the DSL, members of those, and constants that hold them.
 */
export class ReferenceChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  check(program: Node): void {
    this.#statements(children(program, "body"), new Bindings());
  }

  /** The names of a block, functions first, since they may be used before they are written. */
  #statements(statements: readonly Node[], names: Bindings): void {
    for (const statement of statements) {
      const declared = child(statement, "declaration") ?? statement;
      if (declared.type === "FunctionDeclaration") {
        names.bind(child(declared, "id"), { kind: "function", node: declared });
      } else if (declared.type === "ImportDeclaration") this.#import(declared, names);
    }
    for (const statement of statements) this.#visit(statement, names);
  }

  #import(statement: Node, names: Bindings): void {
    if (textOf(child(statement, "source")) !== DSL_MODULE) return;
    for (const specifier of children(statement, "specifiers")) {
      const local = nameOf(child(specifier, "local"));
      const imported = nameOf(child(specifier, "imported"));
      if (local === null) continue;
      if (imported !== null) names.set(local, { kind: "helper", name: imported });
      else if (specifier.type === "ImportNamespaceSpecifier") names.set(local, { kind: "dsl" });
    }
  }

  #visit(node: Node, names: Bindings): void {
    switch (node.type) {
      case "BlockStatement":
      case "StaticBlock":
        this.#statements(children(node, "body"), names.inner());
        return;
      case "VariableDeclarator":
        this.#declarator(node, names);
        return;
      case "ArrowFunctionExpression":
      case "FunctionExpression":
      case "FunctionDeclaration":
        this.#function(node, names, []);
        return;
      case "CallExpression":
        this.#call(node, names);
        return;
      case "TaggedTemplateExpression":
        this.#tagged(node, names);
        return;
      case "ForOfStatement":
      case "ForInStatement":
        this.#loop(node, names.inner());
        return;
      default:
        this.#use(node, names);
        for (const inner of everyChild(node)) this.#visit(inner, names);
    }
  }

  /** Expressions and statements that take a value of build time. */
  #use(node: Node, names: Bindings): void {
    switch (node.type) {
      case "ConditionalExpression":
        this.#refuse(child(node, "test"), misuses.CONDITIONAL, node, names);
        return;
      case "IfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
      case "ForStatement":
        this.#refuse(child(node, "test"), misuses.STATEMENT, node, names);
        return;
      case "SwitchStatement":
        this.#refuse(child(node, "discriminant"), misuses.SWITCH, node, names);
        return;
      case "LogicalExpression":
        this.#refuse(child(node, "left"), this.#operator(node, misuses.LOGICAL), node, names);
        return;
      case "UnaryExpression":
        this.#refuse(child(node, "argument"), this.#operator(node, misuses.UNARY), node, names);
        return;
      case "BinaryExpression": {
        const misuse = this.#operator(node, misuses.BINARY);
        const isLeft = this.#refuse(child(node, "left"), misuse, node, names);
        if (!isLeft) this.#refuse(child(node, "right"), misuse, node, names);
        return;
      }
      case "UpdateExpression":
        this.#refuse(child(node, "argument"), misuses.ASSIGNED, node, names);
        return;
      case "AssignmentExpression":
        this.#assignment(node, names);
        return;
      case "SpreadElement":
        this.#refuse(child(node, "argument"), misuses.SPREAD, node, names);
        return;
      case "TemplateLiteral":
        for (const value of children(node, "expressions")) {
          if (this.#refuse(value, misuses.TEMPLATE, node, names)) return;
        }
        return;
      default:
    }
  }

  #operator(node: Node, table: Readonly<Record<string, Misuse>>): Misuse | undefined {
    const operator = String(node["operator"]);
    return Object.hasOwn(table, operator) ? table[operator] : undefined;
  }

  /** Reports a use when what is used is a reference; says whether it did. */
  #refuse(used: Node | null, misuse: Misuse | undefined, at: Node, names: Bindings): boolean {
    if (used === null || misuse === undefined || !isReference(used, names)) return false;
    this.#report(at, misuse);
    return true;
  }

  #assignment(node: Node, names: Bindings): void {
    const left = child(node, "left");
    const right = child(node, "right");
    if (left?.type === "MemberExpression") {
      this.#refuse(child(left, "object"), misuses.ASSIGNED, node, names);
    }
    const operator = String(node["operator"]);
    if (operator === "=") {
      if (left !== null && right !== null && isReference(right, names)) {
        names.bind(left, { kind: "reference" });
      }
      return;
    }
    const plain = operator.slice(0, -1);
    const table = plain in misuses.LOGICAL ? misuses.LOGICAL : misuses.BINARY;
    const misuse = Object.hasOwn(table, plain) ? table[plain] : undefined;
    if (!this.#refuse(left, misuse, node, names)) this.#refuse(right, misuse, node, names);
  }

  #declarator(node: Node, names: Bindings): void {
    const init = child(node, "init");
    const id = child(node, "id");
    if (init === null) {
      names.bind(id, { kind: "other" });
      return;
    }
    names.bind(id, this.#bindingOf(init, names));
    this.#visit(init, names);
  }

  #bindingOf(value: Node, names: Bindings): Binding {
    const expression = bare(value);
    if (isFunction(expression)) return { kind: "function", node: expression };
    const name = nameOf(expression);
    if (name !== null) return names.get(name);
    return isReference(expression, names) ? { kind: "reference" } : { kind: "other" };
  }

  /** A tag is given the values themselves; only a plain template makes text of them. */
  #tagged(node: Node, names: Bindings): void {
    const tag = child(node, "tag");
    const quasi = child(node, "quasi");
    if (tag !== null) this.#visit(tag, names);
    for (const value of quasi === null ? [] : children(quasi, "expressions")) {
      this.#visit(value, names);
    }
  }

  #loop(node: Node, names: Bindings): void {
    const over = child(node, "right");
    const isReference = this.#refuse(over, misuses.LOOP, node, names);
    const left = child(node, "left");
    const item: Binding = { kind: isReference ? "reference" : "other" };
    for (const declared of left === null ? [] : children(left, "declarations")) {
      names.bind(child(declared, "id"), item);
    }
    if (over !== null) this.#visit(over, names);
    const body = child(node, "body");
    if (body !== null) this.#visit(body, names);
  }

  /** A function whose first parameters are known to be given something. */
  #function(node: Node, outer: Bindings, given: readonly Binding[]): void {
    const names = outer.inner();
    for (const [index, param] of children(node, "params").entries()) {
      const binding = given[index] ?? (isReferenceTyped(param) ? { kind: "reference" } : null);
      names.bind(param, binding ?? { kind: "other" });
    }
    const body = child(node, "body");
    if (body?.type === "BlockStatement") this.#statements(children(body, "body"), names);
    else if (body !== null) this.#visit(body, names);
  }

  #call(node: Node, names: Bindings): void {
    const callee = child(node, "callee");
    const args = children(node, "arguments");
    const given = this.#callbackParameters(callee, args, names);
    this.#builtIn(node, callee, args, names);
    if (callee !== null) this.#visit(callee, names);
    for (const [index, arg] of args.entries()) {
      const parameters = given(index);
      if (parameters === null) this.#visitArgument(arg, names, callee);
      else this.#callback(arg, parameters, names);
    }
  }

  /** A fallback of an `each` is the one callback that stands inside an options object. */
  #visitArgument(arg: Node, names: Bindings, callee: Node | null): void {
    if (arg.type !== "ObjectExpression" || helperName(callee, names) !== "each") {
      this.#visit(arg, names);
      return;
    }
    for (const fallback of fallbacksIn(arg)) this.#callback(fallback, ITEM, names);
    const without = new Set(fallbacksIn(arg));
    for (const inner of everyProperty(arg)) if (!without.has(inner)) this.#visit(inner, names);
  }

  #callback(arg: Node, parameters: readonly Binding[], names: Bindings): void {
    const expression = bare(arg);
    const name = nameOf(expression);
    const binding = name === null ? null : names.get(name);
    const callback = binding?.kind === "function" ? binding.node : expression;
    if (!isFunction(callback)) {
      this.#visit(arg, names);
      return;
    }
    if (callback["async"] === true) this.#report(callback, misuses.ASYNC);
    this.#function(callback, names, parameters);
  }

  /** What the callback in each place is given; `null` where there is no callback of ours. */
  #callbackParameters(
    callee: Node | null,
    args: readonly Node[],
    names: Bindings,
  ): (index: number) => readonly Binding[] | null {
    if (helperName(callee, names) === "each") return (index) => (index === 1 ? ITEM : null);
    const method = callee?.type === "MemberExpression" ? nameOf(child(callee, "property")) : null;
    const places =
      method !== null && Object.hasOwn(CHAIN_CALLBACKS, method)
        ? CHAIN_CALLBACKS[method]
        : undefined;
    const isNamed = method === "step" || method === "undo";
    const isOurs = places !== undefined && (!isNamed || textOf(args[0] ?? null) !== null);
    return (index) => (isOurs && places.includes(index) ? SCOPE : null);
  }

  #builtIn(node: Node, callee: Node | null, args: readonly Node[], names: Bindings): void {
    const name = callee === null ? null : dottedName(callee);
    if (name === null || !Object.hasOwn(misuses.BUILT_IN, name)) return;
    const misuse = misuses.BUILT_IN[name];
    for (const arg of args) if (this.#refuse(arg, misuse, node, names)) return;
  }
}

/** `Array.isArray`, `Boolean`. */
function dottedName(callee: Node): string | null {
  const name = nameOf(callee);
  if (name !== null) return name;
  const object = nameOf(child(callee, "object"));
  const property = nameOf(child(callee, "property"));
  return object === null || property === null ? null : `${object}.${property}`;
}
