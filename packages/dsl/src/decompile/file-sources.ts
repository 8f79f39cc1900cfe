import { type Doc, helpersIn, render } from "./doc.ts";
import type { Names } from "./names.ts";

/** Source of some files that import from each other. */
export class FileSources {
  readonly #names: Names;
  readonly #files = new Map<string, FileSource>();
  /** Where each constant is declared. */
  readonly #homes = new Map<string, string>();

  constructor(names: Names) {
    this.#names = names;
  }

  file(path: string): FileSource {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = new FileSource();
      this.#files.set(path, file);
    }
    return file;
  }

  /** Says where a constant is declared, before or after it is. */
  place(constant: string, path: string): void {
    this.#homes.set(constant, path);
  }

  /** The text of every file, by path. */
  print(): ReadonlyMap<string, string> {
    return new Map([...this.#files].map(([path, file]) => [path, this.#printFile(path, file)]));
  }

  #printFile(path: string, file: FileSource): string {
    const body = file.body();
    const lines: string[] = [];
    if (body.includes("Type.")) lines.push('import { Type } from "@sinclair/typebox";');
    const helpers = [...file.used].filter((name) => this.#names.isExported(name));
    lines.push(...importLine(helpers, "@catena/dsl"));
    for (const [home, constants] of this.#constantsIn(file)) {
      if (home !== path) lines.push(...importLine(constants, relativeTo(path, home)));
    }
    const head = lines.sort(bySpecifier).join("\n");
    return `${head}\n\n${body}\n`;
  }

  /** The constants that a file names, by the file that declares them. */
  #constantsIn({ used }: FileSource): ReadonlyMap<string, readonly string[]> {
    const byHome = new Map<string, string[]>();
    for (const name of used) {
      const home = this.#homes.get(name);
      if (home === undefined) continue;
      const constants = byHome.get(home) ?? [];
      byHome.set(home, constants);
      constants.push(name);
    }
    return byHome;
  }
}

/** One file as it grows. */
export class FileSource {
  /** Names that stand in it: helpers, constants, parameters of callbacks. */
  readonly used = new Set<string>();
  readonly #declarations: { readonly rank: number; readonly source: string }[] = [];

  /** Notes what a document that is printed here names. */
  take(doc: Doc): Doc {
    for (const name of helpersIn(doc)) this.used.add(name);
    return doc;
  }

  /** @param rank declarations of a lower one come first: a constant is declared before it is used. */
  add(rank: number, source: string): void {
    this.#declarations.push({ rank, source });
  }

  body(): string {
    const sorted = [...this.#declarations].sort((a, b) => a.rank - b.rank);
    return sorted.map(({ source }) => source).join("\n\n");
  }
}

function importLine(names: readonly string[], from: string): readonly string[] {
  if (names.length === 0) return [];
  const list = { open: "{ ", items: [...names].sort(), close: " }" };
  return [`import ${render(list)} from ${JSON.stringify(from)};`];
}

/** Packages first, then files; as the import organiser of this repository has it. */
function bySpecifier(a: string, b: string): number {
  const [one, other] = [a, b].map((line) => line.slice(line.lastIndexOf(' from "') + 7));
  const isFile = (specifier: string | undefined) => specifier?.startsWith(".") === true;
  if (isFile(one) !== isFile(other)) return isFile(one) ? 1 : -1;
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

/** `./services.ts` or `../services.ts`, as seen from another file. */
function relativeTo(from: string, to: string): string {
  const [here, there] = [from.split("/").slice(0, -1), to.split("/")];
  let shared = 0;
  while (shared < here.length && here[shared] === there[shared]) shared++;
  const up = "../".repeat(here.length - shared);
  return (up === "" ? "./" : up) + there.slice(shared).join("/");
}
