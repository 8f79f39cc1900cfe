import { type AdminServer, listenAdmin } from "@catena/admin";
import { checkExpression } from "@catena/expr";
import {
  createLog,
  displayUrl,
  type ListenAddress,
  type Log,
  parseListen,
  type Settings,
  startGateway,
  version,
} from "@catena/gateway";
import { plugins } from "@catena/plugins";
import type { ConfigStore } from "@catena/store";
import type { Output } from "../output.ts";
import { chooseAdminKey, warnOfPublicKeys } from "../settings/admin-key.ts";

/** A gateway with its Admin API. */
export interface Served {
  /** Ends both, requests in flight first. A second call ends at once. */
  stop(): Promise<void>;
}

/**
 * Starts the data plane, the Control API and the Admin API on one store, and says where they are. The
 * log goes to standard output as JSON lines.
 *
 * @throws LISTEN_FAILED, ADMIN_LISTEN_FAILED, ADMIN_KEY_UNREADABLE
 */
export function serve(settings: Settings, store: ConfigStore, output: Output): Served {
  const log = createLog((line) => output.out(line));
  const gateway = startGateway({ settings, store, log });
  let admin: AdminServer;
  try {
    admin = startAdmin(settings, store, log, output);
  } catch (error) {
    void gateway.stop();
    throw error;
  }
  announce(output, {
    listen: gateway.listen,
    adminListen: { ...parseListen(settings.adminListen), port: admin.port },
    controlListen: gateway.controlListen,
    store: store.url,
  });
  return {
    stop: async () => {
      await Promise.all([gateway.stop(), admin.stop()]);
    },
  };
}

/** Where a gateway is, for {@link announce}. */
export interface Places {
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  readonly controlListen: ListenAddress;
  readonly store: string;
  /** Not told: one process does it all. */
  readonly workers?: number;
}

/** Tells a person where a gateway that has just started is. */
export function announce(output: Output, places: Places): void {
  output.err(
    [
      `catena ${version}`,
      `gateway      ${displayUrl(places.listen)}`,
      `Admin API    ${displayUrl(places.adminListen)}/apisix/admin`,
      `Control API  ${displayUrl(places.controlListen)}/status`,
      `store        ${places.store}`,
      ...(places.workers === undefined ? [] : [`workers      ${places.workers}`]),
    ].join("\n"),
  );
}

/** Starts the Admin API on a store. @throws ADMIN_LISTEN_FAILED, ADMIN_KEY_UNREADABLE */
export function startAdmin(
  settings: Settings,
  store: ConfigStore,
  log: Log,
  output: Output,
): AdminServer {
  const { key, isNew, warning } = chooseAdminKey(settings);
  const { keys, allow, cors, standalone } = settings.admin;
  const admin = listenAdmin(parseListen(settings.adminListen), {
    store,
    prefix: settings.prefix,
    keys: [{ name: "admin", key, role: "admin" }, ...keys],
    keyring: settings.keyring,
    allowAdmin: allow,
    cors,
    standalone,
    registry: plugins.registry,
    checkExpression,
    serverHeader: settings.serverHeader === "" ? "APISIX/3.18.0" : settings.serverHeader,
    onFault: (error) =>
      log.error("admin request failed", {
        reason: error instanceof Error ? error.message : String(error),
      }),
  });
  for (const text of [warning, warnOfPublicKeys(settings)]) {
    if (text !== null) output.err(output.style.yellow(`warning: ${text}`));
  }
  if (isNew) {
    output.err(`admin key    ${key}  (shown once; kept in ${settings.adminKeyFile})`);
  }
  return admin;
}

/** A shell reads this as: ended by SIGINT. */
const forcedExitCode = 130;

/** What is left of a graceful stop gets this long, in milliseconds, once a second signal came. */
const forcedStopMs = 500;

/**
 * Starts, waits for SIGINT or SIGTERM, then stops gracefully; a second signal stops at once. One that
 * comes while the gateway starts is kept until it has.
 *
 * @returns 0, or 130 when a second signal came.
 */
export async function serveUntilSignal(
  start: () => Served | Promise<Served>,
  output: Output,
): Promise<number> {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    signals++;
    (signals === 1 ? first : second).resolve();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const served = await start();
  await first.promise;
  output.err("stopping; once more to stop at once");
  const forced = second.promise.then(async () => {
    await Promise.race([served.stop(), Bun.sleep(forcedStopMs)]);
    return forcedExitCode;
  });
  return await Promise.race([served.stop().then(() => 0), forced]);
}
