/** Tokens of GraphQL (October 2021, §2.1); blanks, commas and comments before one are skipped. */
const token =
  /(?:[\s,\uFEFF]|#[^\n\r]*)*([_A-Za-z]\w*|\.\.\.|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"|[!$&()=:@[\]{|}]|-?\d[\w.+-]*|$)/y;

const closing: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

const kinds = new Set(["query", "mutation", "subscription", "fragment"]);

/**
 * Counts the definitions of an executable GraphQL document (§2.2): operations and fragments.
 *
 * @returns the reason, when it is none, in place of the number.
 */
export function countDefinitions(text: string): number | string {
  const words = tokensOf(text);
  if (words === null) return "it has characters that mean nothing";
  let count = 0;
  for (let at = 0; at < words.length; count++) {
    const first = words[at];
    if (first !== "{" && !kinds.has(first ?? "")) return `"${first}" begins no definition`;
    // Variables and directives hold braces only inside of parentheses.
    while (at < words.length && words[at] !== "{") {
      const next = skipGroup(words, at);
      if (next === null) return "a bracket is not closed";
      at = next;
    }
    if (at >= words.length) return "a definition has no fields";
    if (words[at + 1] === "}") return "a definition has no fields";
    const end = skipGroup(words, at);
    if (end === null) return "a brace is not closed";
    at = end;
  }
  return count === 0 ? "it is empty" : count;
}

function tokensOf(text: string): readonly string[] | null {
  const words: string[] = [];
  token.lastIndex = 0;
  for (;;) {
    const found = token.exec(text);
    if (found === null) return null;
    const [, word = ""] = found;
    if (word === "") return words;
    words.push(word);
  }
}

/** Where the token after this one is, or after the group that it opens; `null` when that has no end. */
function skipGroup(words: readonly string[], at: number): number | null {
  const open: string[] = [];
  for (let i = at; i < words.length; i++) {
    const word = words[i] ?? "";
    const end = closing[word];
    if (end !== undefined) open.push(end);
    else if (word === "}" || word === ")" || word === "]") {
      if (open.pop() !== word) return null;
    }
    if (open.length === 0) return i + 1;
  }
  return null;
}
