import type { OptionSpecs, ParsedArguments } from "./arguments.ts";
import type { Output } from "./output.ts";

/** What a command may touch besides its arguments. */
export interface CommandContext {
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Asks a yes-or-no question; `null` when nobody is there to answer. */
  confirm(question: string): Promise<boolean | null>;
}

/** One `catena` command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name: `[FILE|FOLDER …]`. */
  readonly usage: string;
  readonly options: OptionSpecs;
  /** @returns the exit code: 0 done, 1 failed, 2 wrong usage. */
  run(args: ParsedArguments, context: CommandContext): Promise<number>;
}
