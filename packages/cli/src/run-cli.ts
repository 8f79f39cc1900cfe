import { isGatewayError } from "@catena/errors";
import { readArguments } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { clientCommand } from "./commands/client.ts";
import { compileCommand } from "./commands/compile.ts";
import { deployCommand } from "./commands/deploy.ts";
import { devCommand } from "./commands/dev.ts";
import { explainCommand } from "./commands/explain.ts";
import { openapiCommand } from "./commands/openapi.ts";
import { pullCommand } from "./commands/pull.ts";
import { startCommand } from "./commands/start.ts";
import { storeCommand } from "./commands/store.ts";
import { testCommand } from "./commands/test.ts";
import { tryCommand } from "./commands/try.ts";
import { undoCommand } from "./commands/undo.ts";
import { validateCommand } from "./commands/validate.ts";
import { formatCommandHelp, formatOverview } from "./help.ts";

/** Every command; a new one is its file and one line here. */
export const commands: readonly Command[] = [
  compileCommand,
  validateCommand,
  explainCommand,
  testCommand,
  tryCommand,
  deployCommand,
  pullCommand,
  openapiCommand,
  clientCommand,
  devCommand,
  startCommand,
  storeCommand,
  undoCommand,
];

/**
 * Runs one `catena` command line.
 *
 * @returns the exit code: 0 done, 1 failed or refused, 2 wrong usage, 3 the store does not answer.
 */
export async function runCli(args: readonly string[], context: CommandContext): Promise<number> {
  const { output } = context;
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    output.out(formatOverview(commands));
    return name === undefined ? 2 : 0;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) {
    output.err(`catena has no command "${name}"\n\n${formatOverview(commands)}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    output.out(formatCommandHelp(command));
    return 0;
  }
  try {
    return await command.run(readArguments(name, rest, command.options), context);
  } catch (error) {
    if (!isGatewayError(error) && !isSystemError(error)) throw error;
    output.err(
      `${output.style.red("error")} ${error.message} ${output.style.dim(`[${error.code}]`)}`,
    );
    return exitCodeOf(error.code);
  }
}

/** What the file system or the network refused (`EACCES: permission denied, open '…'`). */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "code" in error &&
    typeof error.code === "string"
  );
}

function exitCodeOf(code: string): number {
  if (code === "USAGE") return 2;
  return code === "STORE_UNAVAILABLE" || code === "DEPLOY_UNFINISHED" ? 3 : 1;
}
