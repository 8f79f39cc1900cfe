export type { Command, CommandContext } from "./command.ts";
export { commands, runCli } from "./run-cli.ts";
