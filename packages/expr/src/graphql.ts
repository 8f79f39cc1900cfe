/** What conditions may ask of a GraphQL document: of its first operation. */
export interface GraphqlOperation {
  readonly operation: "query" | "mutation" | "subscription";
  /** Empty for one without a name. */
  readonly name: string;
  /** Names of its outermost fields, without aliases. */
  readonly root_fields: readonly string[];
}

/** Longest document that is read, in characters (APISIX's `graphql.max_size`). */
const maxLength = 1_048_576;

const operations = ["query", "mutation", "subscription"] as const;

/** Tokens of GraphQL (October 2021, §2.1); blanks, commas and comments before one are skipped. */
const token =
  /(?:[\s,\uFEFF]|#[^\n\r]*(?:[\n\r]|$))*(?:([_A-Za-z]\w*)|(\.\.\.)|("""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*")|([!$&()=:@[\]{|}])|(-?\d[\w.+-]*)|$)/y;

export function isGraphqlMember(name: string): name is keyof GraphqlOperation {
  return name === "operation" || name === "name" || name === "root_fields";
}

/** Reads the first operation of a document; `null` when it does not begin with one, or is none. */
export function readGraphql(text: string): GraphqlOperation | null {
  if (text.length > maxLength) return null;
  const tokens = new Tokens(text);
  let word = tokens.next();
  let operation: GraphqlOperation["operation"] = "query";
  let name = "";
  if (word !== "{") {
    const named = operations.find((known) => known === word);
    if (named === undefined) return null;
    operation = named;
    word = tokens.next();
    if (isName(word)) {
      name = word;
      word = tokens.next();
    }
    // Variables and directives, which hold braces only inside of parentheses.
    for (let depth = 0; word !== null && (depth > 0 || word !== "{"); word = tokens.next()) {
      if (word === "(") depth++;
      else if (word === ")") depth--;
    }
  }
  const fields = word === "{" ? readFields(tokens) : null;
  return fields === null ? null : { operation, name, root_fields: fields };
}

/** The names of a selection set whose brace was read; `null` when it does not end. */
function readFields(tokens: Tokens): readonly string[] | null {
  const fields: string[] = [];
  const open = ["{"];
  let last: string | null = "{";
  for (let word = tokens.next(); word !== null; word = tokens.next()) {
    const isOutermost = open.length === 1;
    if (word === "{" || word === "(" || word === "[") open.push(word);
    else if (word === "}" || word === ")" || word === "]") {
      if (open.pop() !== opening[word]) return null;
      if (open.length === 0) return fields;
    } else if (isOutermost && isName(word)) {
      // `alias: name`; what follows `@` or `on` is a directive or a type.
      if (last === ":") fields.pop();
      const isType = last === "on" || (last === "..." && word === "on");
      if (last !== "@" && !isType) fields.push(word);
    }
    last = word;
  }
  return null;
}

const opening: Readonly<Record<"}" | ")" | "]", string>> = { "}": "{", ")": "(", "]": "[" };

function isName(word: string | null): word is string {
  return word !== null && /^[_A-Za-z]/.test(word);
}

class Tokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** `null` at the end, and at what is no token. */
  next(): string | null {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text);
    if (found === null) return null;
    this.#at = token.lastIndex;
    const [, name, spread, text, mark, number] = found;
    return name ?? spread ?? text ?? mark ?? number ?? null;
  }
}
