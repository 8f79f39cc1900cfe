import { type Doc, helpersIn, render } from "./doc.ts";

/** Words that no constant can be called. */
const RESERVED: ReadonlySet<string> = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval
  export extends false finally for function if implements import in instanceof interface let new null
  package private protected public return static super switch this throw true try typeof undefined
  var void while with yield Type any index item`.split(/\s+/),
);

/** What callbacks are given, which is not imported. */
const PARAMETERS: ReadonlySet<string> = new Set(["$", "item", "index"]);

/** The names a file declares and what it imports, so that none is taken twice. */
export class Names {
  readonly #imported = new Set<string>();
  readonly #declared = new Set<string>();
  readonly #exported: ReadonlySet<string>;

  /** @param exported every name the package could be asked for. */
  constructor(exported: Iterable<string>) {
    this.#exported = new Set(exported);
  }

  /** Marks the helpers of a document that is printed as imported. */
  take(doc: Doc): Doc {
    for (const helper of helpersIn(doc)) if (!PARAMETERS.has(helper)) this.#imported.add(helper);
    return doc;
  }

  /** A new constant, named after an id: `users-v1` is `usersV1`. */
  declare(id: string): string {
    const words = id.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
    const camel = words
      .map((word, index) =>
        index === 0 ? word.charAt(0).toLowerCase() + word.slice(1) : capitalised(word),
      )
      .join("");
    const base = /^[A-Za-z]/.test(camel) ? camel : `_${camel}`;
    let name = base;
    for (let n = 2; this.#isTaken(name); n++) name = `${base}${n}`;
    this.#declared.add(name);
    return name;
  }

  /** The import statement of what was used. */
  importLine(from: string): string {
    const names = { open: "{ ", items: [...this.#imported].sort(), close: " }" };
    return `import ${render(names)} from "${from}";`;
  }

  #isTaken(name: string): boolean {
    return RESERVED.has(name) || this.#exported.has(name) || this.#declared.has(name);
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
