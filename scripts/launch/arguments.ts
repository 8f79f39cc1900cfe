import { join } from "node:path";
import { repositoryRoot } from "../lib/repository.ts";

export interface UpArguments {
  readonly isEtcd: boolean;
  /** Ends after the demo request. */
  readonly isOnce: boolean;
  /** Where the store, the log and the key of this run are kept. */
  readonly folder: string;
  readonly listen: string;
  readonly adminListen: string;
  readonly controlListen: string;
}

export const usage = `usage: scripts/up [--etcd] [--once]

Starts four demo services, a store and the gateway, deploys configs/, sends one request through the
checkout chain and shows each of its calls. Keeps serving until Ctrl-C.

  --etcd   keep configuration in a real etcd instead of an SQLite file
  --once   end after the request (also with CI=1 in the environment)

  CATENA_LISTEN          the gateway's address (127.0.0.1:9080)
  CATENA_ADMIN_LISTEN    the Admin API's address (127.0.0.1:9180)
  CATENA_CONTROL_LISTEN  the Control API's address (127.0.0.1:9090)
  CATENA_UP_FOLDER       where data, log and key are kept (.catena)`;

/** Reads the command line and environment; `null` when the usage is to be shown. */
export function readUpArguments(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): UpArguments | null {
  const known = ["--etcd", "--once"];
  if (argv.some((argument) => !known.includes(argument))) return null;
  const text = (name: string, fallback: string) => environment[name] || fallback;
  return {
    isEtcd: argv.includes("--etcd"),
    isOnce: argv.includes("--once") || ["1", "true"].includes(environment["CI"] ?? ""),
    folder: text("CATENA_UP_FOLDER", join(repositoryRoot, ".catena")),
    listen: text("CATENA_LISTEN", "127.0.0.1:9080"),
    adminListen: text("CATENA_ADMIN_LISTEN", "127.0.0.1:9180"),
    controlListen: text("CATENA_CONTROL_LISTEN", "127.0.0.1:9090"),
  };
}
