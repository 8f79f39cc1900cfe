import type { RequestContext } from "@catena/pipeline";
import type { RouteEntry as RouterEntry } from "@catena/router";
import type { Route } from "@catena/schema";
import { effectiveRoute } from "./effective-route.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { RoutePlan } from "./route-plan.ts";

/** What the router hands back: a route whose plan is compiled when it is first needed. */
export interface RouteEntry {
  readonly id: string;
  plan: RoutePlan | null;
}

/** What of a route decides whether it matches, in the router's terms. */
export function routerEntry(
  payload: RouteEntry,
  route: Route,
  table: ResourceTable,
): RouterEntry<RouteEntry, RequestContext> {
  const { id } = payload;
  return {
    id,
    uris: route.uris ?? (route.uri === undefined ? [] : [route.uri]),
    hosts: effectiveRoute(id, route, table).hosts,
    ...(route.methods === undefined ? {} : { methods: route.methods }),
    ...(route.priority === undefined ? {} : { priority: route.priority }),
    payload,
  };
}
