import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findFiles, repositoryRoot } from "../lib/repository.ts";
import { type CodeBlock, fileOf, folderOf, placeOf } from "./page.ts";

/** A TypeScript block written to a file of its own. */
export interface ExampleFile {
  readonly block: CodeBlock;
  /** Absolute. */
  readonly path: string;
}

/**
 * Writes TypeScript blocks below `folder`, one folder a page, so that a block may import those of its
 * page that have names, and one in `configs/` what the repository's `configs/` has. Packages resolve
 * as for the repository's own scripts.
 */
export function writeExamples(folder: string, blocks: readonly CodeBlock[]): ExampleFile[] {
  symlinkSync(join(repositoryRoot, "scripts/node_modules"), join(folder, "node_modules"));
  const written = blocks.map((block) => {
    const home = join(folder, folderOf(block.page));
    const name = fileOf(block) ?? `block-${block.line}.ts`;
    const wanted = join(home, name);
    // A page may show one file more than once.
    const isTaken = existsSync(wanted);
    const path = isTaken ? join(dirname(wanted), `block-${block.line}.ts`) : wanted;
    if (!existsSync(dirname(path))) {
      mkdirSync(dirname(path), { recursive: true });
      if (name.startsWith("configs/")) copyConfigs(join(home, "configs"));
    }
    writeFileSync(path, block.text);
    return { block, path };
  });
  const config = {
    extends: join(repositoryRoot, "tsconfig.json"),
    compilerOptions: {
      typeRoots: [join(repositoryRoot, "node_modules")],
      // An example may show a part of a program.
      noUnusedLocals: false,
    },
    include: written.map(({ path }) => path),
    exclude: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  return written;
}

function copyConfigs(target: string): void {
  for (const file of findFiles("configs", "*.ts")) {
    // The settings are shown in full where they are shown, and tests are not for a page.
    if (/gateway\.ts$|\.test\.ts$/.test(file)) continue;
    copyFileSync(join(repositoryRoot, file), join(target, basename(file)));
  }
}

/** Type-checks what {@link writeExamples} wrote; diagnostics by place of the block, one line each. */
export async function checkTypes(
  folder: string,
  files: readonly ExampleFile[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const child = Bun.spawn(["bunx", "tsc", "--noEmit", "--pretty", "false", "-p", folder], {
    cwd: repositoryRoot,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).text();
  await child.exited;
  const found = new Map<string, string[]>();
  for (const { block, path } of files) {
    const name = path.slice(folder.length + 1);
    const lines = output.split("\n").filter((line) => line.includes(`${name}(`));
    found.set(
      placeOf(block),
      lines.map((line) => line.slice(line.indexOf(name))),
    );
  }
  // What is wrong elsewhere is the whole repository's type check to tell; a fault of the project is not.
  const unplaced = output.split("\n").filter((line) => line.startsWith("error TS"));
  if (unplaced.length > 0) throw new Error(unplaced.join("\n"));
  return found;
}
