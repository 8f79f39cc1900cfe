import type { OptionSpec } from "./arguments.ts";
import type { Command } from "./command.ts";

/** What `catena --help` prints. */
export function formatOverview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "usage: catena COMMAND [OPTIONS]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "catena COMMAND --help tells more. Settings come from configs/gateway.ts, overridden by the",
    "environment (CATENA_STORE, CATENA_LISTEN, …) and by flags: docs/settings.md.",
    "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 the store does not answer.",
  ].join("\n");
}

/** What `catena COMMAND --help` prints. */
export function formatCommandHelp(command: Command): string {
  const rows = Object.entries(command.options).map(
    ([name, spec]) => [flagOf(name, spec), spec.help] as const,
  );
  const width = Math.max(0, ...rows.map(([flag]) => flag.length));
  return [
    `usage: catena ${command.name} ${command.usage}`.trimEnd(),
    "",
    command.summary,
    ...(rows.length === 0 ? [] : [""]),
    ...rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
  ].join("\n");
}

function flagOf(name: string, { short, placeholder }: OptionSpec): string {
  const long = `--${name}${placeholder === undefined ? "" : ` ${placeholder}`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}
