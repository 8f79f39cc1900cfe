import type { Checked } from "@catena/errors";
import type { Settings } from "@catena/gateway";
import type { Output } from "../../output.ts";
import { reportIssues } from "../../report.ts";
import type { ServedWithWorkers } from "./serve-with-workers.ts";

/**
 * Reads the settings again on SIGHUP and replaces the workers, one after another. Settings that are
 * not valid change nothing. On a terminal the signal says that this is closed, and the gateway with it.
 */
export function reloadOnHangUp(
  starting: Promise<ServedWithWorkers>,
  load: () => Promise<Checked<Settings>>,
  output: Output,
): void {
  process.on("SIGHUP", () => {
    if (process.stdout.isTTY === true) {
      process.kill(process.pid, "SIGTERM");
      return;
    }
    // What became of the start is told to whoever waits for it.
    starting.then(
      (served) => void reload(served, load, output),
      () => undefined,
    );
  });
}

async function reload(
  served: ServedWithWorkers,
  load: () => Promise<Checked<Settings>>,
  output: Output,
): Promise<void> {
  const { value: settings, issues } = await load();
  if (settings === undefined) {
    output.err("not reloaded: the settings are not valid");
    reportIssues(issues, output);
    return;
  }
  await served.reload(settings);
}
