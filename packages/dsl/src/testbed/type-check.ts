import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const dsl = join(import.meta.dir, "../..");
const root = join(dsl, "../..");

/** What TypeScript says of a config. */
export interface TypeCheck {
  readonly errors: readonly string[];
  /** With its own figures. */
  readonly output: string;
}

/** Checks config files, given as text, with the settings of this repository. */
export async function typeCheck(sources: readonly string[]): Promise<TypeCheck> {
  const folder = mkdtempSync(join(tmpdir(), "catena-types-"));
  try {
    const files = sources.map((_, index) => join(folder, `config-${index}.ts`));
    await Promise.all(files.map((file, index) => Bun.write(file, sources[index] ?? "")));
    const project = join(folder, "tsconfig.json");
    await Bun.write(project, JSON.stringify(projectOf(files)));
    const tsc = Bun.spawn({
      cmd: [join(root, "node_modules/.bin/tsc"), "-p", project, "--extendedDiagnostics"],
      stdout: "pipe",
    });
    const [output] = await Promise.all([new Response(tsc.stdout).text(), tsc.exited]);
    return { errors: output.split("\n").filter((line) => line.includes("error TS")), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function projectOf(files: readonly string[]): object {
  return {
    extends: join(root, "tsconfig.json"),
    include: files,
    exclude: [],
    compilerOptions: {
      typeRoots: [join(root, "node_modules")],
      paths: {
        "@catena/dsl": [join(dsl, "src/index.ts")],
        "@sinclair/typebox": [join(dsl, "node_modules/@sinclair/typebox/build/esm/index.d.mts")],
      },
    },
  };
}
