import type { Route, Timeout, Upstream } from "@catena/schema";
import { owned } from "./consumer-plans.ts";
import type { OwnedPlugin } from "./plugin-set.ts";
import type { ResourceTable } from "./resource-table.ts";

/** A route with what it takes over from its plugin config and service. */
export interface EffectiveRoute {
  readonly id: string;
  readonly route: Route;
  readonly plugins: readonly OwnedPlugin[];
  /** Names for variables and conditions; empty where there is none. */
  readonly serviceId: string;
  readonly serviceName: string;
  readonly hosts: readonly string[];
  readonly upstream: UpstreamChoice | null;
  readonly timeout: Timeout | undefined;
  /** `enable_websocket`; the service's where the route has none. */
  readonly webSocket: boolean;
  /** Status to answer at once because what the route refers to is missing; else `null`. */
  readonly unavailable: number | null;
}

/** An upstream and where it came from, which decides what its state is shared with. */
export interface UpstreamChoice {
  /** `upstreams/1`, `routes/1`, `services/1` */
  readonly owner: string;
  readonly upstream: Upstream;
}

/**
 * Merges a route with its plugin config and service, whole plugins at a time, as APISIX does
 * (apisix/init.lua, apisix/plugin_config.lua, apisix/http/service.lua): the route's plugins win over
 * the plugin config's, which win over the service's. Of the upstreams the route's own wins, and within
 * one object `upstream_id` over `upstream`.
 *
 * What is missing ends the request with APISIX's status: plugin config 503, service 404, upstream 502.
 */
export function effectiveRoute(id: string, route: Route, table: ResourceTable): EffectiveRoute {
  const service =
    route.service_id === undefined ? undefined : table.get("services", String(route.service_id));
  const pluginConfig =
    route.plugin_config_id === undefined
      ? undefined
      : table.get("plugin_configs", String(route.plugin_config_id));
  let unavailable: number | null = null;
  if (route.plugin_config_id !== undefined && pluginConfig === undefined) unavailable = 503;
  if (route.service_id !== undefined && service === undefined) unavailable ??= 404;
  const own = chooseUpstream(`routes/${id}`, route, table);
  const inherited =
    service === undefined ? null : chooseUpstream(`services/${route.service_id}`, service, table);
  const chosen = own ?? inherited;
  if (chosen === "missing") unavailable ??= 502;
  return {
    id,
    route,
    plugins: [
      ...new Map(
        [
          ...owned(service?.plugins, `services/${route.service_id}`),
          ...owned(pluginConfig?.plugins, `plugin_configs/${route.plugin_config_id}`),
          ...owned(route.plugins, `routes/${id}`),
        ].map((plugin) => [plugin.name, plugin]),
      ).values(),
    ],
    serviceId: service === undefined ? "" : String(route.service_id),
    serviceName: service?.name ?? "",
    hosts:
      route.hosts ?? (route.host === undefined ? undefined : [route.host]) ?? service?.hosts ?? [],
    upstream: chosen === "missing" ? null : chosen,
    timeout: route.timeout,
    webSocket: route.enable_websocket ?? service?.enable_websocket ?? false,
    unavailable,
  };
}

function chooseUpstream(
  owner: string,
  holder: { readonly upstream?: Upstream; readonly upstream_id?: string | number },
  table: ResourceTable,
): UpstreamChoice | "missing" | null {
  if (holder.upstream_id !== undefined) {
    const id = String(holder.upstream_id);
    const upstream = table.get("upstreams", id);
    return upstream === undefined ? "missing" : { owner: `upstreams/${id}`, upstream };
  }
  return holder.upstream === undefined ? null : { owner, upstream: holder.upstream };
}
