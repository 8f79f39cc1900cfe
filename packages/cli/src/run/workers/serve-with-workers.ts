import { isGatewayError } from "@catena/errors";
import {
  type ControlPlane,
  claimPort,
  createLog,
  type Log,
  listenSupervisorControl,
  parseListen,
  type Settings,
} from "@catena/gateway";
import type { ConfigStore } from "@catena/store";
import type { Output } from "../../output.ts";
import { announce, type Served, startAdmin } from "../serve.ts";
import { workerErrors } from "./errors.ts";
import { Supervisor } from "./supervisor.ts";

export interface ServedWithWorkers extends Served {
  /** Lets new workers with these settings take the places of all, one after another. */
  reload(settings: Settings): Promise<void>;
}

/**
 * Starts several workers on one port, and the Control API and the Admin API in this process, which
 * watches over them.
 *
 * @throws WORKERS_UNSUPPORTED, LISTEN_FAILED, ADMIN_LISTEN_FAILED, ADMIN_KEY_UNREADABLE, WORKER_ENDED
 */
export async function serveWithWorkers(
  settings: Settings,
  count: number,
  store: ConfigStore,
  output: Output,
): Promise<ServedWithWorkers> {
  if (process.platform !== "linux") {
    throw workerErrors.WORKERS_UNSUPPORTED({ platform: process.platform });
  }
  const log = createLog((line) => output.out(line), { worker: "supervisor" });
  const listen = claimPort(parseListen(settings.listen), "listen (CATENA_LISTEN)");
  const tlsListen = claimTlsPort(settings.tlsListen, log);
  const fixed = { ...settings, listen: formatAddress(listen), tlsListen };
  const supervisor = new Supervisor({ count, settings: forWorkers(fixed), log });
  const admin = startAdmin(settings, store, log, output);
  let control: ControlPlane | null = null;
  const stop = async (): Promise<void> => {
    await supervisor.stop();
    await Promise.all([admin.stop(), control?.stop()]);
  };
  try {
    control = listenSupervisorControl(parseListen(settings.controlListen), {
      status: () => supervisor.status(),
      notReady: () => supervisor.notReady(),
      workers: () => supervisor.askers(),
    });
    await supervisor.start();
  } catch (error) {
    await stop();
    throw error;
  }
  announce(output, {
    listen,
    adminListen: { ...parseListen(settings.adminListen), port: admin.port },
    controlListen: { ...parseListen(settings.controlListen), port: control.port },
    store: store.url,
    workers: count,
  });
  return {
    stop,
    reload: (next) => {
      const changed = fixedFields.filter((field) => !Bun.deepEquals(settings[field], next[field]));
      if (changed.length > 0) log.warn("these settings change with a restart only", { changed });
      return supervisor.reload(forWorkers({ ...next, ...keep(fixed) }));
    },
  };
}

/** What a reload can't change: this process holds it, or workers would differ in what they serve. */
const fixedFields = [
  "listen",
  "tlsListen",
  "adminListen",
  "controlListen",
  "workers",
  "store",
  "prefix",
  "adminKey",
  "adminKeyFile",
  "admin",
  "keyring",
] as const satisfies readonly (keyof Settings)[];

/** As with one process, a port for TLS that can't be had is no reason not to serve in clear text. */
function claimTlsPort(address: string | null, log: Log): string | null {
  if (address === null) return null;
  try {
    return formatAddress(claimPort(parseListen(address), "tlsListen (CATENA_TLS_LISTEN)"));
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    log.error("nothing is served over TLS until a restart", { reason: error.message });
    return null;
  }
}

function keep(settings: Settings): Partial<Settings> {
  return Object.fromEntries(fixedFields.map((field) => [field, settings[field]]));
}

/** Workers have no Admin API: its keys stay here. */
function forWorkers(settings: Settings): Settings {
  return { ...settings, adminKey: null, admin: { ...settings.admin, keys: [] } };
}

function formatAddress({ hostname, port }: { hostname: string; port: number }): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
