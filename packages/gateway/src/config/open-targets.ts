import { checkExpression } from "@catena/expr";
import type { TargetResolver } from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import { kindPrefix } from "@catena/schema";
import { type ConfigStore, readStaged, type StoreEntry } from "@catena/store";
import type { Settings } from "../settings/settings.ts";
import { openUpstreamServices } from "../upstream-services.ts";
import { findClientCertificate } from "./client-certificate.ts";
import { ResourceTable } from "./resource-table.ts";
import { createTargets } from "./targets.ts";

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
  return openTargets(settings, entries);
}

/** As {@link openStoredTargets}, from entries at hand; those of other kinds are left out. */
export function openTargets(settings: Settings, entries: readonly StoreEntry[]): OpenTargets {
  const { prefix } = settings;
  const table = new ResourceTable(prefix, { registry: plugins.registry, checkExpression });
  const used = [kindPrefix("upstreams", prefix), kindPrefix("ssls", prefix)];
  for (const entry of entries) {
    if (used.some((start) => entry.key.startsWith(start))) table.apply({ kind: "put", entry });
  }
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
