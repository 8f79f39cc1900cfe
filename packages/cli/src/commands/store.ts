import { displayUrl, parseListen } from "@catena/gateway";
import { usageErrors } from "../arguments.ts";
import type { Command } from "../command.ts";
import { reportIssues } from "../report.ts";
import { listenOptions, loadSettings, storeOptions } from "../settings/load-settings.ts";

export const storeCommand: Command = {
  name: "store",
  summary: "store accept: let a running gateway delete what it held back after the store shrank",
  usage: "accept",
  options: { ...storeOptions, ...listenOptions },
  run: async (args, context) => {
    const { output } = context;
    if (args.positionals[0] !== "accept" || args.positionals.length !== 1) {
      throw usageErrors.USAGE({ reason: "expected: catena store accept", command: "store" });
    }
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, output);
      return 1;
    }
    const url = `${displayUrl(parseListen(settings.controlListen))}/v1/store/accept`;
    try {
      const response = await fetch(url, { method: "POST", signal: AbortSignal.timeout(5_000) });
      output.out(await response.text());
      return response.ok ? 0 : 1;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      output.err(`no gateway answers at ${url}: ${reason}`);
      return 1;
    }
  },
};
