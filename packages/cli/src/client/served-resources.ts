import type { ServedResource } from "@catena/openapi";
import { type OptionSpecs, type ParsedArguments, usageErrors } from "../arguments.ts";
import type { CommandContext } from "../command.ts";
import { loadFromArguments } from "../commands/load-from-arguments.ts";
import { readResources } from "../pull/read-resources.ts";
import { reportIssues, reportNotes } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";

/** Options of commands that describe what is served. */
export const servedOptions: OptionSpecs = {
  "from-store": {
    type: "boolean",
    help: "describe what the store has instead of what files declare",
  },
  ...storeOptions,
};

/**
 * The resources that a command is to describe: those of files, or with `--from-store` those that a
 * gateway of this store serves.
 *
 * @returns `null` after having said why.
 * @throws USAGE, STORE_UNAVAILABLE
 */
export async function loadServed(
  command: string,
  args: ParsedArguments,
  context: CommandContext,
): Promise<readonly ServedResource[] | null> {
  if (!args.flag("from-store")) {
    if (args.text("store") !== undefined) {
      const reason = "--store says which store, and only --from-store looks into it";
      throw usageErrors.USAGE({ reason, command });
    }
    return (await loadFromArguments(args, context))?.resources ?? null;
  }
  const { output } = context;
  if (args.positionals.length > 0) {
    const reason = `--from-store takes no files, and ${args.positionals.join(", ")} was given`;
    throw usageErrors.USAGE({ reason, command });
  }
  const { value: settings, issues } = await loadSettings(args, context);
  if (settings === undefined) {
    reportIssues(issues, output);
    return null;
  }
  const store = openConfiguredStore(settings.store);
  try {
    const found = await readResources(store, settings.prefix);
    reportNotes(found.issues, output);
    return found.resources;
  } finally {
    await store.close();
  }
}
