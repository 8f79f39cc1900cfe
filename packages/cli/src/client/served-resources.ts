import type { Settings } from "@catena/gateway";
import type { ServedResource } from "@catena/openapi";
import { type OptionSpecs, type ParsedArguments, usageErrors } from "../arguments.ts";
import type { CommandContext } from "../command.ts";
import { loadFromArguments } from "../commands/load-from-arguments.ts";
import { openStoreToRead } from "../pull/open-store-to-read.ts";
import { readResources } from "../pull/read-resources.ts";
import { reportIssues, reportNotes } from "../report.ts";
import { findSettingsFile, loadSettings, storeOptions } from "../settings/load-settings.ts";

/** Options of commands that describe what is served. */
export const servedOptions: OptionSpecs = {
  "from-store": {
    type: "boolean",
    help: "describe what the store has instead of what files declare",
  },
  ...storeOptions,
};

/** What a command is to describe, and how the gateway reads it. */
export interface Served {
  readonly resources: readonly ServedResource[];
  /** Whether `/users/:id` has a parameter. */
  readonly hasPathParameters: boolean;
}

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
): Promise<Served | null> {
  const isStored = args.flag("from-store");
  if (isStored && args.positionals.length > 0) {
    const reason = `--from-store takes no files, and ${args.positionals.join(", ")} was given`;
    throw usageErrors.USAGE({ reason, command });
  }
  if (!isStored && args.text("store") !== undefined) {
    const reason = "--store says which store, and only --from-store looks into it";
    throw usageErrors.USAGE({ reason, command });
  }
  const { value: settings, issues } = await loadSettings(args, context);
  if (settings === undefined) {
    reportIssues(issues, context.output);
    return null;
  }
  const resources = isStored
    ? await readStored(settings, context)
    : (await loadFromArguments(args, context))?.resources;
  if (resources === undefined) return null;
  return { resources, hasPathParameters: readsParameters(settings, args, context) };
}

async function readStored(
  settings: Settings,
  { output }: CommandContext,
): Promise<readonly ServedResource[]> {
  const store = openStoreToRead(settings.store);
  try {
    const found = await readResources(store, settings.prefix);
    reportNotes(found.issues, output);
    return found.resources;
  } finally {
    await store.close();
  }
}

/** A path with `:id` is meant to have a parameter, unless a gateway was set to read it otherwise. */
function readsParameters(
  { router }: Settings,
  args: ParsedArguments,
  context: CommandContext,
): boolean {
  const isSet =
    findSettingsFile(args, context) !== null || context.environment["CATENA_ROUTER"] !== undefined;
  return !isSet || router === "radixtree_uri_with_parameter";
}
