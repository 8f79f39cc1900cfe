/** A node of an ESTree syntax tree, as the parser gives it. */
export interface Node {
  readonly type: string;
  /** Offsets in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** A node in a property of another; `null` when there is none. */
export function child(node: Node, property: string): Node | null {
  const value = node[property];
  return isNode(value) ? value : null;
}

/** The nodes of a list in a property; holes and absent lists give none. */
export function children(node: Node, property: string): readonly Node[] {
  const value = node[property];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Every node right under one, in source order of its properties. */
export function* everyChild(node: Node): Generator<Node, void> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value;
    else if (Array.isArray(value)) yield* value.filter(isNode);
  }
}

/** The name of an identifier; `null` for any other node. */
export function nameOf(node: Node | null): string | null {
  if (node?.type !== "Identifier") return null;
  const { name } = node;
  return typeof name === "string" ? name : null;
}

/** The text of a string literal; `null` for any other node. */
export function textOf(node: Node | null): string | null {
  const value = node?.type === "Literal" ? node["value"] : null;
  return typeof value === "string" ? value : null;
}

export function isFunction(node: Node | null): node is Node {
  return (
    node?.type === "ArrowFunctionExpression" ||
    node?.type === "FunctionExpression" ||
    node?.type === "FunctionDeclaration"
  );
}

/** An expression without what only the type checker reads: `as`, `satisfies`, `!`. */
export function bare(node: Node): Node {
  switch (node.type) {
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
    case "TSTypeAssertion":
    case "ParenthesizedExpression":
    case "ChainExpression": {
      const inner = child(node, "expression");
      return inner === null ? node : bare(inner);
    }
    default:
      return node;
  }
}
