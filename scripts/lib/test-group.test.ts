import { describe, expect, test } from "bun:test";
import { runGroup } from "./test-group.ts";

const folder = "scripts/lib/fixtures";
const options = { signal: new AbortController().signal, limitMs: 60_000, stdio: "ignore" } as const;

function run(file: string, overrides: Partial<Parameters<typeof runGroup>[1]> = {}) {
  return runGroup({ folder, files: [`${folder}/${file}`] }, { ...options, ...overrides });
}

describe("runGroup", () => {
  test("counts a group, its tidiness as one more test, and a skipped test as failed", async () => {
    expect(await run("tidy.fixture.ts")).toMatchObject({
      passed: 2,
      failed: [
        `${folder}/tidy.fixture.ts > fails & says <why>`,
        `${folder}/tidy.fixture.ts > is skipped (skipped)`,
      ],
    });
  });

  test("names and ends the processes a group leaves, and names its files", async () => {
    const { passed, failed } = await run("leaky.fixture.ts");
    expect(passed).toBe(1);
    expect(failed.map((line) => line.replace(/process: \d+/, "process:")).sort()).toEqual([
      `${folder}: left a process: sleep 61`,
      `${folder}: left a process: sleep 62`,
      `${folder}: left a temporary file: left.txt`,
    ]);
    for (const pid of failed.flatMap((line) => /process: (\d+)/.exec(line)?.[1] ?? [])) {
      const stat = Bun.file(`/proc/${pid}/stat`);
      const text = await stat.text().catch(() => "");
      expect(text === "" || text.includes(" Z ")).toBe(true);
    }
  });

  test("counts a file that does not load as failed", async () => {
    expect(await run("unloadable.fixture.ts")).toMatchObject({
      passed: 1,
      failed: [`${folder}/unloadable.fixture.ts (no test of it ran)`],
    });
  });

  test("ends a group that takes too long", async () => {
    expect(await run("endless.fixture.ts", { limitMs: 1 })).toMatchObject({
      failed: [
        `${folder}/endless.fixture.ts (no test of it ran)`,
        `${folder}: bun test took over 0.001 s`,
      ],
    });
  });
});
