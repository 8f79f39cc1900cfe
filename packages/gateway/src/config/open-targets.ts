import type { TargetResolver } from "@catena/pipeline";
import { kindPrefix } from "@catena/schema";
import { type ConfigStore, readStaged, type StoreEntry } from "@catena/store";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import { openUpstreamServices } from "../upstream-services.ts";
import { findClientCertificate } from "./client-certificate.ts";
import { openResources } from "./open-resources.ts";
import { createTargets } from "./targets.ts";

/** What can't be resolved is seen by the call that fails. */
const silent: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Destinations of calls as a gateway with the same settings would find them. */
export interface OpenTargets {
  readonly targets: TargetResolver;
  /** Ends connections and checks. */
  close(): Promise<void>;
}

/**
 * Makes the stored upstreams callable without a gateway, for commands that have a call to make.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function openStoredTargets(
  settings: Settings,
  store: ConfigStore,
): Promise<OpenTargets> {
  const { prefix } = settings;
  const { entries } = readStaged(await store.list(`${prefix}/`), `${prefix}/`);
  return await openTargets(settings, entries);
}

/**
 * As {@link openStoredTargets}, from entries at hand; those of other kinds are left out. Secrets that
 * they refer to are looked up once.
 */
export async function openTargets(
  settings: Settings,
  entries: readonly StoreEntry[],
): Promise<OpenTargets> {
  const { prefix } = settings;
  const table = openResources(settings, { log: silent, onSecrets: () => undefined });
  const used = [
    kindPrefix("upstreams", prefix),
    kindPrefix("ssls", prefix),
    kindPrefix("secrets", prefix),
  ];
  const changes = entries
    .filter(({ key }) => used.some((start) => key.startsWith(start)))
    .map((entry) => ({ kind: "put", entry }) as const);
  await table.prepare(changes);
  for (const change of changes) table.apply(change);
  table.secrets.stop();
  const { resolver, transport, runtime, close } = openUpstreamServices(settings, {
    clientCertificate: (id) => findClientCertificate(table, id),
  });
  return {
    targets: createTargets({
      resolver,
      transport,
      upstream: (id) => {
        const upstream = table.get("upstreams", id);
        if (upstream === undefined) return null;
        return runtime.compile(`upstreams/${id}`, upstream).value ?? null;
      },
    }),
    close,
  };
}
