import { availableCpus, type Settings } from "@catena/gateway";
import type { ConfigStore } from "@catena/store";
import type { Command, CommandContext } from "../command.ts";
import { reportIssues } from "../report.ts";
import { serve, serveUntilSignal } from "../run/serve.ts";
import { reloadOnHangUp } from "../run/workers/reload-on-hang-up.ts";
import { serveWithWorkers } from "../run/workers/serve-with-workers.ts";
import {
  listenOptions,
  loadSettings,
  storeOptions,
  workersOption,
} from "../settings/load-settings.ts";
import { openConfiguredStore } from "../settings/open-configured-store.ts";

export const startCommand: Command = {
  name: "start",
  summary: "run a gateway with its Admin API until it is told to stop",
  usage: "",
  options: { ...storeOptions, ...listenOptions, ...workersOption },
  run: async (args, context) => {
    const load = () => loadSettings(args, context);
    const { value: settings, issues } = await load();
    if (settings === undefined) {
      reportIssues(issues, context.output);
      return 1;
    }
    const store = openConfiguredStore(settings.store);
    try {
      return await run(settings, store, load, context);
    } finally {
      await store.close();
    }
  },
};

async function run(
  settings: Settings,
  store: ConfigStore,
  load: () => ReturnType<typeof loadSettings>,
  { output }: CommandContext,
): Promise<number> {
  const most = process.platform === "linux" ? availableCpus() : 1;
  const count = settings.workers === "auto" ? most : settings.workers;
  // One needs nobody to watch over it but what started this process.
  if (count === 1) return await serveUntilSignal(() => serve(settings, store, output), output);
  const starting = serveWithWorkers(settings, count, store, output);
  reloadOnHangUp(starting, load, output);
  return await serveUntilSignal(() => starting, output);
}
