/** Words that no constant can be called. */
const RESERVED: ReadonlySet<string> = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval
  export extends false finally for function if implements import in instanceof interface let new null
  package private protected public return static super switch this throw true try typeof undefined
  var void while with yield Type any index item`.split(/\s+/),
);

/** The names that files declare, so that none is taken twice. */
export class Names {
  readonly #declared = new Set<string>();
  readonly #exported: ReadonlySet<string>;

  /** @param exported every name the package could be asked for. */
  constructor(exported: Iterable<string>) {
    this.#exported = new Set(exported);
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

  /** Whether it is one of the names that the package could be asked for. */
  isExported(name: string): boolean {
    return this.#exported.has(name);
  }

  #isTaken(name: string): boolean {
    return RESERVED.has(name) || this.#exported.has(name) || this.#declared.has(name);
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
