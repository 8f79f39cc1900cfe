import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = join(import.meta.dir, "../fixtures/print-compiled.ts");
const folder = mkdtempSync(join(tmpdir(), "catena-dsl-"));
const bundle = join(folder, "print-compiled.mjs");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const built = await Bun.build({
    entrypoints: [program],
    target: "node",
    outdir: folder,
    naming: "[name].mjs",
  });
  expect(built.success).toBe(true);
});

/** Runs a command to its end and reads the JSON it prints. */
async function run(command: readonly string[]): Promise<unknown> {
  const child = Bun.spawn({
    cmd: [...command],
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, DENO_DIR: join(folder, "deno"), DENO_NO_UPDATE_CHECK: "1" },
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return withoutPlaces(JSON.parse(out));
}

/** Bundling moves lines, so only what is compiled can be the same. */
function withoutPlaces(result: { value?: { source?: unknown }[]; issues: unknown[] }): unknown {
  return { ...result, value: result.value?.map(({ source: _, ...resource }) => resource) };
}

// The package's own script, which starts the binary of this platform.
const deno = ["node", require.resolve("deno/bin.cjs")];

test.each([
  ["Node, bundled", ["node", bundle]],
  [
    "Deno, from source and without any permission",
    [...deno, "run", "--no-prompt", "--no-remote", "--no-lock", program],
  ],
])(
  "compiles the same under %s as under Bun",
  async (_name, command) => {
    const [here, there] = await Promise.all([run(["bun", program]), run(command)]);
    expect(here).toMatchObject({
      issues: [],
      value: [{ id: "order-service" }, { id: "checkout" }, { id: "users-v1" }, { id: "checkout" }],
    });
    expect(there).toEqual(here);
  },
  60_000,
);
