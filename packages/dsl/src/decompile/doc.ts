import { LeftOut } from "./left-out.ts";

/** Source text that is laid out when it is known how much room there is. */
export type Doc = string | readonly Doc[] | Group | Helper;

/** The name of a helper or a callback's parameter, which must be there if this is printed. */
export interface Helper {
  readonly helper: string;
}

/** A list between brackets: on one line when it fits, else one item to a line. */
export interface Group {
  readonly open: string;
  readonly items: readonly Doc[];
  readonly close: string;
}

const WIDTH = 96;

export function use(helper: string): Helper {
  return { helper };
}

/** `name(a, b)`. */
export function callDoc(name: Doc, ...args: readonly Doc[]): Doc {
  return [name, { open: "(", items: args, close: ")" }];
}

/** `[a, b]`. */
export function arrayDoc(items: readonly Doc[]): Doc {
  return { open: "[", items, close: "]" };
}

/** `{ a: 1, b }`; members that are `null` are left out. */
export function objectDoc(members: Readonly<Record<string, Doc | null>>): Doc {
  const items = Object.entries(members).flatMap(([key, doc]): Doc[] =>
    doc === null ? [] : [[`${keySource(key)}: `, doc]],
  );
  return items.length === 0 ? "{}" : { open: "{ ", items, close: " }" };
}

/** Any JSON as an expression that makes it; what is left out is read from the environment. */
export function jsonDoc(json: unknown): Doc {
  if (json instanceof LeftOut) {
    return callDoc(use("fromEnvironment"), JSON.stringify(json.variable));
  }
  if (Array.isArray(json)) return arrayDoc(json.map(jsonDoc));
  if (typeof json !== "object" || json === null) return JSON.stringify(json) ?? "null";
  const items = Object.entries(json).map(
    ([key, member]): Doc => [`${keySource(key)}: `, jsonDoc(member)],
  );
  return items.length === 0 ? "{}" : { open: "{ ", items, close: " }" };
}

/** A member's name as it stands in an object literal; `__proto__` would set the prototype. */
function keySource(key: string): string {
  if (key === "__proto__") return '["__proto__"]';
  return isIdentifier(key) || /^(0|[1-9]\d{0,8})$/.test(key) ? key : JSON.stringify(key);
}

/** Every helper and parameter a document names. */
export function* helpersIn(doc: Doc): Generator<string, void> {
  if (typeof doc === "string") return;
  if ("helper" in doc) yield doc.helper;
  else for (const part of "open" in doc ? doc.items : doc) yield* helpersIn(part);
}

/** Whether a text can stand after a dot. */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(text);
}

/**
 * Lays a document out.
 *
 * @param indent of the line it begins on.
 * @param column where on that line it begins.
 */
export function render(doc: Doc, indent = 0, column = indent): string {
  const inline = renderInline(doc);
  if (column + inline.length <= WIDTH || typeof doc === "string" || "helper" in doc) return inline;
  if ("open" in doc) return renderBroken(doc, indent, column);
  let text = "";
  for (const part of doc) text += render(part, indent, endColumn(text, column));
  return text;
}

/** On one line, whatever its length. */
export function renderInline(doc: Doc): string {
  if (typeof doc === "string") return doc;
  if ("helper" in doc) return doc.helper;
  if ("open" in doc) return doc.open + doc.items.map(renderInline).join(", ") + doc.close;
  return doc.map(renderInline).join("");
}

function renderBroken({ open, items, close }: Group, indent: number, column: number): string {
  const last = items.at(-1);
  const before = items.slice(0, -1).map((item) => `${renderInline(item)}, `);
  const head = open + before.join("");
  // The last argument hugs its parentheses when those before it are short.
  if (open === "(" && last !== undefined && isBreakable(last) && column + head.length < WIDTH / 2) {
    return head + render(last, indent, column + head.length) + close;
  }
  const inner = " ".repeat(indent + 2);
  const lines = items.map((item) => `${inner}${render(item, indent + 2)},\n`);
  return `${open.trimEnd()}\n${lines.join("")}${" ".repeat(indent)}${close.trimStart()}`;
}

/** Whether a document ends with brackets that can be opened over lines. */
function isBreakable(doc: Doc): boolean {
  if (typeof doc === "string" || "helper" in doc) return false;
  if ("open" in doc) return doc.items.length > 0;
  const last = doc.at(-1);
  return last !== undefined && (isBreakable(last) || (last === ")" && doc.length > 1));
}

/** The column after a text that began at one. */
function endColumn(text: string, column: number): number {
  const line = text.lastIndexOf("\n");
  return line < 0 ? column + text.length : text.length - line - 1;
}
