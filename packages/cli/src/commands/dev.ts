import type { Command } from "../command.ts";
import { reportIssues } from "../report.ts";
import { DevLoop } from "../run/dev-loop.ts";
import { serve, serveUntilSignal } from "../run/serve.ts";
import { listenOptions, loadSettings, storeOptions } from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";
import { defaultPaths } from "./load-from-arguments.ts";

export const devCommand: Command = {
  name: "dev",
  summary: "run a gateway on a local store and deploy configs whenever they are saved",
  usage: "[FILE|FOLDER …]",
  options: { ...storeOptions, ...listenOptions },
  run: async (args, context) => {
    const { output } = context;
    const { value: settings, issues } = await loadSettings(args, context);
    if (settings === undefined) {
      reportIssues(issues, output);
      return 1;
    }
    const paths = args.positionals.length > 0 ? args.positionals : defaultPaths;
    const store = openConfiguredStore(settings.store);
    const loop = new DevLoop({ paths, store, settings, output });
    try {
      const served = serve(settings, store, output);
      await loop.deploy();
      loop.watch();
      output.err(`watching     ${paths.join(", ")}`);
      return await serveUntilSignal(served, output);
    } finally {
      loop.stop();
      await store.close();
    }
  },
};
