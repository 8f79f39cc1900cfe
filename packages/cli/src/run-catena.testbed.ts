import { join } from "node:path";

const main = join(import.meta.dir, "main.ts");

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Starts `catena` as a process of its own, in a folder of the test's own. */
export function spawnCatena(
  args: readonly string[],
  cwd: string,
  environment: Environment = {},
): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("CATENA_"));
  return Bun.spawn([process.execPath, main, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs a command line to its end. */
export async function runCatena(
  args: readonly string[],
  cwd: string,
  environment: Environment = {},
): Promise<CommandResult> {
  const child = spawnCatena(args, cwd, environment);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
