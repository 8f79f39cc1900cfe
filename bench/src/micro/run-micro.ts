import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Runs every `*.bench.ts` beside this file, each in a process of its own so that none warms the next. */
export async function runMicro(): Promise<number> {
  let failed = 0;
  for (const file of readdirSync(import.meta.dir).toSorted()) {
    if (!file.endsWith(".bench.ts")) continue;
    console.log(`\n${file}`);
    const child = Bun.spawn([process.execPath, join(import.meta.dir, file)], {
      stdout: "inherit",
      stderr: "inherit",
    });
    if ((await child.exited) !== 0) failed += 1;
  }
  return failed === 0 ? 0 : 1;
}
