import type { OptionSpecs, ParsedArguments } from "../arguments.ts";
import { usageErrors } from "../arguments.ts";
import type { CommandContext } from "../command.ts";
import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import { reportIssues, reportNotes } from "../report.ts";

/** Configs are looked for here when none are named. */
export const defaultPaths: readonly string[] = ["configs"];

export const targetOption: OptionSpecs = {
  target: {
    type: "string",
    placeholder: "NAME",
    help: "catena (default), or apisix: refuse what APISIX with the Lua plugin can't run",
  },
};

/**
 * Loads the configs a command was given and reports what is wrong with them.
 *
 * @returns `null` after having said why.
 * @throws USAGE for a target that does not exist.
 */
export async function loadFromArguments(
  args: ParsedArguments,
  { output }: CommandContext,
  knownHosts: ReadonlySet<string> = new Set(),
): Promise<LoadedConfig | null> {
  const target = args.text("target") ?? "catena";
  if (target !== "catena" && target !== "apisix") {
    throw usageErrors.USAGE({
      reason: `--target ${target} is not known; expected catena or apisix`,
      command: "compile",
    });
  }
  const paths = args.positionals.length > 0 ? args.positionals : defaultPaths;
  const { value, issues } = await loadConfig(paths, { target, knownHosts });
  if (value === undefined) {
    reportIssues(issues, output);
    return null;
  }
  reportNotes(value.notes, output);
  return value;
}
