import { dropUndo, listUndo, retryUndo, type UndoSummary } from "@catena/chain";
import { isGatewayError } from "@catena/errors";
import { openStoredTargets, type Settings } from "@catena/gateway";
import type { ConfigStore } from "@catena/store";
import { type ParsedArguments, usageErrors } from "../arguments.ts";
import type { Command } from "../command.ts";
import type { Output } from "../output.ts";
import { reportIssues } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";

const actions = ["list", "retry", "drop"] as const;
type Action = (typeof actions)[number];

export const undoCommand: Command = {
  name: "undo",
  summary: "list, retry or drop what chains could not take back",
  usage: "list | retry [ID …] | drop ID …",
  options: {
    ...storeOptions,
    force: { type: "boolean", help: "also a record whose gateway may still be at work on it" },
  },
  run: async (args, context) => {
    const [action, ...ids] = readAction(args);
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, context.output);
      return 1;
    }
    const store = openConfiguredStore(settings.store);
    const force = args.flag("force");
    const work = { store, settings, ids, force, output: context.output };
    try {
      if (action === "list") return await list(work);
      return action === "drop" ? await drop(work) : await retry(work);
    } finally {
      await store.close();
    }
  },
};

interface UndoWork {
  readonly store: ConfigStore;
  readonly settings: Settings;
  readonly ids: readonly string[];
  readonly force: boolean;
  readonly output: Output;
}

/** @throws USAGE */
function readAction({ positionals }: ParsedArguments): readonly [Action, ...string[]] {
  const [name, ...ids] = positionals;
  const action = actions.find((one) => one === name);
  if (
    action === undefined ||
    (action === "list" && ids.length > 0) ||
    (action === "drop" && ids.length === 0)
  ) {
    const reason = "expected: undo list, undo retry [ID …], or undo drop ID …";
    throw usageErrors.USAGE({ reason, command: "undo" });
  }
  return [action, ...ids];
}

async function list({ store, output }: UndoWork): Promise<number> {
  const records = await listUndo(store);
  for (const record of records) output.out(formatRecord(record));
  if (records.length === 0) output.out("nothing is left undone");
  return 0;
}

/** One after the other: the services that are called are those that had trouble. */
async function retry({ store, settings, ids, force, output }: UndoWork): Promise<number> {
  const records = await listUndo(store);
  const chosen = ids.length > 0 ? ids : ownerless(records, force);
  if (chosen.length === 0) {
    const isEmpty = records.length === 0;
    output.out(isEmpty ? "nothing is left undone" : "gateways may still be at work on all of it");
    return isEmpty ? 0 : 1;
  }
  const { targets, close } = await openStoredTargets(settings, store);
  let code = 0;
  try {
    for (const id of chosen) {
      const isDone = await attempt(output, async () => {
        const left = await retryUndo(store, id, { targets, force });
        output.out(left === null ? `undone ${id}` : formatRecord(left));
        return left === null;
      });
      if (!isDone) code = 1;
    }
  } finally {
    await close();
  }
  return code;
}

function ownerless(records: readonly UndoSummary[], force: boolean): readonly string[] {
  return records.filter(({ isOwned }) => force || !isOwned).map(({ id }) => id);
}

async function drop({ store, ids, force, output }: UndoWork): Promise<number> {
  let code = 0;
  for (const id of ids) {
    const isDone = await attempt(output, async () => {
      await dropUndo(store, id, { force });
      output.out(`dropped ${id}`);
      return true;
    });
    if (!isDone) code = 1;
  }
  return code;
}

/** What is wrong with one record keeps nobody from going on with the next; a store that is away does. */
async function attempt(output: Output, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    if (!isGatewayError(error) || !error.code.startsWith("UNDO_")) throw error;
    output.err(
      `${output.style.red("error")} ${error.message} ${output.style.dim(`[${error.code}]`)}`,
    );
    return false;
  }
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
