/** Characters that a value is made of, outside of texts. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Lays a JSON text out over lines. No number or text in it is altered, as parsing would. */
export function indentJson(json: string): string {
  let text = "";
  let depth = 0;
  let before = "";
  for (const [token] of json.matchAll(TOKENS)) {
    const isEnd = token === "}" || token === "]";
    const wasStart = before === "{" || before === "[";
    if (isEnd) {
      depth--;
      if (!wasStart) text += lineAt(depth);
    } else if (wasStart || before === ",") text += lineAt(depth);
    text += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth++;
    before = token;
  }
  return text;
}

function lineAt(depth: number): string {
  return `\n${"  ".repeat(depth)}`;
}
