/** How adc is called. */
export interface AdcCommand {
  readonly words: readonly string[];
}

export interface AdcResult {
  readonly code: number;
  readonly output: string;
}

/**
 * Finds adc: the given file, else what `ADC` names, else `adc` on the PATH. A file of JavaScript is run
 * by node. adc is published as binaries and built from its repository, but not on npm.
 *
 * @returns `null` when there is none.
 */
export function findAdc(given: string | undefined): AdcCommand | null {
  const file = given ?? Bun.env["ADC"] ?? Bun.which("adc");
  if (file === null || file === "") return null;
  return { words: /\.[cm]?js$/.test(file) ? ["node", file] : [file] };
}

/** Runs adc in a folder, against a server. */
export async function runAdc(
  adc: AdcCommand,
  args: readonly string[],
  options: { readonly cwd: string; readonly environment: Readonly<Record<string, string>> },
): Promise<AdcResult> {
  const child = Bun.spawn([...adc.words, ...args], {
    cwd: options.cwd,
    env: { ...Bun.env, ...options.environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: stdout + stderr };
}
