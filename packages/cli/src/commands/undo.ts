import { dropUndo, listUndo, type UndoSummary } from "@catena/chain";
import type { ConfigStore } from "@catena/store";
import { type ParsedArguments, usageErrors } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { reportIssues } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";

export const undoCommand: Command = {
  name: "undo",
  summary: "undo list, undo drop ID: what chains could not take back",
  usage: "list | drop ID",
  options: {
    ...storeOptions,
    force: { type: "boolean", help: "also a record whose gateway may still be at work on it" },
  },
  run: async (args, context) => {
    const [action, id] = args.positionals;
    const isList = action === "list" && id === undefined;
    if (!isList && !(action === "drop" && id !== undefined)) {
      throw usageErrors.USAGE({ reason: "expected: undo list, or undo drop ID", command: "undo" });
    }
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, context.output);
      return 1;
    }
    const store = openConfiguredStore(settings.store);
    try {
      return isList ? await list(store, context) : await drop(store, id ?? "", args, context);
    } finally {
      await store.close();
    }
  },
};

async function list(store: ConfigStore, { output }: CommandContext): Promise<number> {
  const records = await listUndo(store);
  for (const record of records) output.out(formatRecord(record));
  if (records.length === 0) output.out("nothing is left undone");
  return 0;
}

async function drop(
  store: ConfigStore,
  id: string,
  args: ParsedArguments,
  { output }: CommandContext,
): Promise<number> {
  await dropUndo(store, id, { force: args.flag("force") });
  output.out(`dropped ${id}`);
  return 0;
}

function formatRecord(record: UndoSummary): string {
  const head = `${record.id}  chain ${record.chain}, request ${record.request}, ${new Date(record.startedAt).toISOString()}`;
  const owned = record.isOwned ? "  (a gateway may still be at work on it)" : "";
  const steps = record.steps.map(
    ({ step, state, call, reason }) =>
      `  ${step}: ${state}, ${call ?? "no undo call known"}${reason === null ? "" : ` (${reason})`}`,
  );
  return [head + owned, ...steps].join("\n");
}
