import { callDoc, type Doc, isIdentifier, use } from "./doc.ts";

/** Names the proxy of a reference refuses after a dot. */
const TAKEN: ReadonlySet<string> = new Set([
  "then",
  "constructor",
  "__proto__",
  "prototype",
  "toJSON",
]);

/** Members after an expression: dots, brackets, and `at` where both mean something else. */
export function printPath(base: Doc, path: readonly (string | number)[]): Doc {
  let doc: Doc = base;
  for (const segment of path) {
    doc = isPlain(segment)
      ? memberOf(doc, segment)
      : callDoc(use("at"), doc, JSON.stringify(segment));
  }
  return doc;
}

/** Whether the proxy makes of a member access just this segment: digits become an index. */
export function isPlain(segment: string | number): boolean {
  const isIndex = /^(0|[1-9]\d{0,8})$/.test(String(segment));
  return typeof segment === "number" ? isIndex : !isIndex && !TAKEN.has(segment);
}

export function memberOf(doc: Doc, segment: string | number): Doc {
  if (typeof segment === "string" && isIdentifier(segment)) return [doc, `.${segment}`];
  return [doc, `[${JSON.stringify(segment)}]`];
}
