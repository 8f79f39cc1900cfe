import { join } from "node:path";

const root = join(import.meta.dir, "../../../..");
const dsl = join(root, "packages/dsl");

/** What TypeScript says of every file below a folder, with the settings of this repository. */
export async function typeErrors(folder: string): Promise<readonly string[]> {
  const project = join(folder, "tsconfig.json");
  const compilerOptions = {
    typeRoots: [join(root, "node_modules")],
    paths: {
      "@catena/dsl": [join(dsl, "src/index.ts")],
      "@sinclair/typebox": [join(dsl, "node_modules/@sinclair/typebox/build/esm/index.d.mts")],
    },
  };
  const settings = { extends: join(root, "tsconfig.json"), include: ["**/*.ts"], exclude: [] };
  await Bun.write(project, JSON.stringify({ ...settings, compilerOptions }));
  const tsc = Bun.spawn({
    cmd: [join(root, "node_modules/.bin/tsc"), "-p", project],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const [output] = await Promise.all([new Response(tsc.stdout).text(), tsc.exited]);
  return output.split("\n").filter((line) => line.includes("error TS"));
}
