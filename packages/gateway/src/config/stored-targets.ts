import { checkExpression } from "@catena/expr";
import type { TargetResolver } from "@catena/pipeline";
import { plugins } from "@catena/plugins";
import { kindPrefix } from "@catena/schema";
import { type ConfigStore, readStaged } from "@catena/store";
import { createResolver, createTransport, createUpstreamRuntime } from "@catena/upstream";
import type { Settings } from "../settings/settings.ts";
import { ResourceTable } from "./resource-table.ts";
import { createTargets } from "./targets.ts";

/** Destinations of calls as a gateway with the same settings would find them. */
export interface StoredTargets {
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
): Promise<StoredTargets> {
  const { prefix } = settings;
  const { entries } = readStaged(await store.list(`${prefix}/`), `${prefix}/`);
  const table = new ResourceTable(prefix, { registry: plugins.registry, checkExpression });
  for (const entry of entries) {
    if (entry.key.startsWith(kindPrefix("upstreams", prefix))) table.apply({ kind: "put", entry });
  }
  const resolver = createResolver({
    hosts: settings.resolver.hosts,
    ttlMs: settings.resolver.ttlSeconds * 1000,
  });
  const transport = createTransport(settings.transport);
  const runtime = createUpstreamRuntime({ transport, resolver });
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
    close: async () => {
      runtime.close();
      await transport.close();
    },
  };
}
