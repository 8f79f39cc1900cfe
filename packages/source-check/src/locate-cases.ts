import type { SourcePosition } from "@catena/errors";
import { parseSync } from "oxc-parser";
import { createLocator } from "./locate.ts";
import { bare, child, children, everyChild, isNode, type Node, nameOf, textOf } from "./node.ts";

/** A part of a declared case: the export, the case's name and the members that lead to the part. */
export interface CasePart {
  readonly group: string;
  readonly name: string;
  /** As `["expect", "status"]`; `["shared", …]` leads into what cases have in common. */
  readonly at: readonly string[];
}

/**
 * Finds where parts of `chainCases(config, { name: { … } }, { … })` stand in a test file: the member
 * itself, or the nearest one around it that is written there, or else the call.
 *
 * @param text of the file; one that does not parse has no places.
 */
export function locateCases(text: string, file: string): (part: CasePart) => SourcePosition | null {
  const locate = createLocator(text, file);
  const { program, errors } = parseSync(file, text, { preserveParens: false });
  const root: unknown = program;
  const groups = errors.length > 0 || !isNode(root) ? [] : [...groupsIn(root)];
  return ({ group, name, at }) => {
    const [first, ...rest] = at;
    const inShared = first === "shared";
    for (const call of inOrder(groups, group)) {
      const [, cases, shared] = children(call, "arguments").map(bare);
      const holder = inShared ? shared : cases;
      const found = holder === undefined ? null : follow(holder, inShared ? rest : [name, ...at]);
      if (found !== null) return locate(found.start);
    }
    const own = groups.find(([id]) => id === group);
    return own === undefined ? null : locate(own[1].start);
  };
}

type NamedCall = readonly [exportName: string, call: Node];

/** Calls of `chainCases`, with the names they are exported by. */
function* groupsIn(node: Node, name = ""): Generator<NamedCall, void> {
  if (node.type === "CallExpression" && nameOf(child(node, "callee")) === "chainCases") {
    yield [name, node];
    return;
  }
  if (node.type === "VariableDeclarator") name = nameOf(child(node, "id")) ?? "";
  if (node.type === "ExportDefaultDeclaration") name = "default";
  for (const inner of everyChild(node)) yield* groupsIn(inner, name);
}

/** The calls of one export before all others: it may be exported by another name. */
function inOrder(groups: readonly NamedCall[], group: string): readonly Node[] {
  const own = groups.filter(([name]) => name === group);
  const others = groups.filter(([name]) => name !== group);
  return [...own, ...others].map(([, call]) => call);
}

/** The deepest member of an object literal on a path; `null` when not even the first is there. */
function follow(object: Node, path: readonly string[]): Node | null {
  let found: Node | null = null;
  let holder: Node | null = object;
  for (const name of path) {
    const member: Node | undefined =
      holder?.type === "ObjectExpression"
        ? children(holder, "properties").find((property) => keyOf(property) === name)
        : undefined;
    if (member === undefined) break;
    found = member;
    const value = child(member, "value");
    holder = value === null ? null : bare(value);
  }
  return found;
}

function keyOf(property: Node): string | null {
  if (property.type !== "Property") return null;
  const key = child(property, "key");
  return textOf(key) ?? (property["computed"] === true ? null : nameOf(key));
}
