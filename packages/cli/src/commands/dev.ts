import type { Settings } from "@catena/gateway";
import type { Command } from "../command.ts";
import { findConfigFiles } from "../config/find-files.ts";
import { reportIssues } from "../report.ts";
import { DevLoop } from "../run/dev-loop.ts";
import { serve, serveUntilSignal } from "../run/serve.ts";
import {
  findSettingsFile,
  listenOptions,
  loadSettings,
  storeOptions,
} from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";
import { defaultPaths } from "./load-from-arguments.ts";

/**
 * Where `dev` keeps what it deploys. A settings file may name the store of a running system, which
 * must not be written to each time a file is saved.
 */
const devStore = "sqlite:.catena/dev.db";

/** Whoever writes a chain wants to see what became of a request, unless the settings say how much. */
function devTraces({ traces }: Settings): Settings["traces"] {
  return traces.keep > 0 ? traces : { keep: 100, values: true };
}

export const devCommand: Command = {
  name: "dev",
  summary: "run a gateway on a store of its own and deploy configs whenever they are saved",
  usage: "[FILE|FOLDER …]",
  options: {
    ...storeOptions,
    store: {
      type: "string",
      placeholder: "URL",
      help: `where to deploy to (CATENA_STORE); default ${devStore}, whatever the settings file says`,
    },
    ...listenOptions,
  },
  run: async (args, context) => {
    const { output, environment } = context;
    const { value: settings, issues } = await loadSettings(args, context);
    const paths = args.positionals.length > 0 ? args.positionals : defaultPaths;
    const missing = findConfigFiles(paths).issues;
    if (settings === undefined || missing.length > 0) {
      reportIssues([...issues, ...missing], output);
      return 1;
    }
    const isNamed = args.text("store") !== undefined || (environment["CATENA_STORE"] ?? "") !== "";
    const own = {
      ...settings,
      ...(isNamed ? {} : { store: devStore }),
      traces: devTraces(settings),
    };
    const store = openConfiguredStore(own.store);
    const settingsFile = findSettingsFile(args, context);
    const loop = new DevLoop({ paths, store, settings: own, settingsFile, output });
    try {
      return await serveUntilSignal(async () => {
        const served = serve(own, store, output);
        await loop.deploy();
        output.err(`watching     ${paths.join(", ")}`);
        return served;
      }, output);
    } finally {
      await loop.stop();
      await store.close();
    }
  },
};
