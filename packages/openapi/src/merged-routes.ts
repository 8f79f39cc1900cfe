import { isJsonObject, type JsonObject, type Kind } from "@catena/schema";

/** A resource as it is stored. */
export interface ServedResource {
  readonly kind: Kind;
  readonly id: string;
  readonly value: JsonObject;
}

/** A route with what it has from its service and its plugin config, as the gateway merges them. */
export interface MergedRoute {
  readonly id: string;
  readonly value: JsonObject;
  /** Those that are switched on, by name. */
  readonly plugins: ReadonlyMap<string, JsonObject>;
  readonly hosts: readonly string[];
}

/**
 * Every route that is switched on. Whole plugins are merged: those of the route win over those of its
 * plugin config, which win over those of its service; global rules run beside them.
 */
export function mergedRoutes(resources: readonly ServedResource[]): readonly MergedRoute[] {
  const shared = new Map(resources.map((one) => [`${one.kind}/${one.id}`, one.value]));
  const global = resources.filter(({ kind }) => kind === "global_rules");
  return resources.flatMap(({ kind, id, value }) => {
    if (kind !== "routes" || value["status"] === 0) return [];
    const service = shared.get(`services/${value["service_id"]}`);
    const config = shared.get(`plugin_configs/${value["plugin_config_id"]}`);
    const holders = [...global.map((rule) => rule.value), service, config, value];
    const plugins = new Map(holders.flatMap((holder) => pluginsOf(holder)));
    for (const [name, conf] of plugins) if (isOff(conf)) plugins.delete(name);
    const own = texts(value["hosts"] ?? value["host"]);
    return [{ id, value, plugins, hosts: own.length > 0 ? own : texts(service?.["hosts"]) }];
  });
}

function pluginsOf(holder: JsonObject | undefined): readonly (readonly [string, JsonObject])[] {
  const plugins = holder?.["plugins"];
  return Object.entries(isJsonObject(plugins) ? plugins : {}).flatMap(([name, conf]) =>
    isJsonObject(conf) ? [[name, conf] as const] : [],
  );
}

function isOff({ _meta: meta }: JsonObject): boolean {
  return isJsonObject(meta) && meta["disable"] === true;
}

/** One text or a list of texts, as a list. */
export function texts(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === "string");
}
