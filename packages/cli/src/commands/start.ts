import type { Command } from "../command.ts";
import { reportIssues } from "../report.ts";
import { serve, serveUntilSignal } from "../run/serve.ts";
import { listenOptions, loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";

export const startCommand: Command = {
  name: "start",
  summary: "run a gateway with its Admin API until it is told to stop",
  usage: "",
  options: { ...storeOptions, ...listenOptions },
  run: async (args, context) => {
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, context.output);
      return 1;
    }
    const store = openConfiguredStore(settings.store);
    try {
      return await serveUntilSignal(serve(settings, store, context.output), context.output);
    } finally {
      await store.close();
    }
  },
};
