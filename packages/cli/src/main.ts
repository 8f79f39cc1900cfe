/** The `catena` command. */
import { createInterface } from "node:readline/promises";
import { terminalOutput } from "./output.ts";
import { runCli } from "./run-cli.ts";

const output = terminalOutput();
process.exitCode = await runCli(process.argv.slice(2), {
  output,
  environment: process.env,
  cwd: process.cwd(),
  confirm,
});
await output.end();
// Whatever a library left open must not keep a finished command alive.
process.exit();

async function confirm(question: string): Promise<boolean | null> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return null;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
