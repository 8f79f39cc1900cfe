import { repositoryRoot } from "./repository.ts";

/** One thing `bun run check` looks at. */
export interface CheckPart {
  readonly name: string;
  readonly command: readonly string[];
  /** What to run when it fails; none when the output says it all. */
  readonly fix?: string;
  /** Already among the bun tests, so that a full run need not do it twice. */
  readonly isBunTest?: true;
}

export interface PartResult {
  readonly name: string;
  readonly isOk: boolean;
  readonly durationMs: number;
  /** Standard output and error together; empty when the part passed. */
  readonly output: string;
}

/** Every part, in the order they are reported. */
export const checkParts: readonly CheckPart[] = [
  {
    name: "format and lint (biome)",
    command: ["bunx", "biome", "check", "--colors=off", "."],
    fix: "bun run format",
  },
  { name: "types (tsc)", command: ["bunx", "tsc", "--noEmit", "--pretty", "false"] },
  { name: "dead code (knip)", command: ["bunx", "knip", "--no-progress", "--no-config-hints"] },
  {
    name: "package order",
    command: ["bun", "test", "./scripts/architecture.test.ts"],
    isBunTest: true,
  },
  {
    name: "generated docs",
    command: ["bun", "scripts/generate-docs.ts", "--check"],
    fix: "bun scripts/generate-docs.ts",
  },
];

/** Runs one part from the repository's root. */
export async function runPart(part: CheckPart): Promise<PartResult> {
  const start = performance.now();
  const child = Bun.spawn([...part.command], {
    cwd: repositoryRoot,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const isOk = code === 0;
  const hint = part.fix === undefined ? "" : `\nto mend it: ${part.fix}`;
  return {
    name: part.name,
    isOk,
    durationMs: performance.now() - start,
    output: isOk ? "" : `${stdout}${stderr}`.trimEnd() + hint,
  };
}

/** One line for a part: `ok    types (tsc)   0.3 s`. */
export function formatPart(result: PartResult): string {
  const verdict = result.isOk ? "ok  " : "FAIL";
  return `${verdict}  ${result.name.padEnd(26)} ${(result.durationMs / 1000).toFixed(1)} s`;
}
