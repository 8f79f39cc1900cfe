/** One worker of a gateway. Its supervisor starts it and tells it everything as messages. */
import { createLog, isOrder, WorkerRuntime } from "@catena/gateway";
import { terminalOutput } from "../../output.ts";
import { openConfiguredStore } from "../../settings/open-configured-store.ts";

const output = terminalOutput();
const runtime = new WorkerRuntime({
  tell: (note) => {
    if (process.connected) process.send?.(note);
  },
  openStore: openConfiguredStore,
  exit: (code) => process.exit(code),
  log: createLog((line) => output.out(line), { worker: process.pid }),
});
process.on("message", (message) => {
  if (isOrder(message)) runtime.take(message);
});
process.on("disconnect", () => runtime.orphaned());
process.on("uncaughtException", (error) => runtime.faulty(error));
process.on("unhandledRejection", (error) => runtime.faulty(error));
process.on("SIGTERM", () => runtime.askedToEnd());
// A terminal sends these to the supervisor too, which says what is to be done.
process.on("SIGINT", () => undefined);
process.on("SIGHUP", () => undefined);
if (process.send === undefined) {
  output.err("a worker is started by catena start, with workers: 2 or more in the settings");
  process.exit(2);
}
