import { bodyVariables, compileAddresses, compileExpression } from "@catena/expr";
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
    ...acceptsOf(route),
    payload,
  };
}

/**
 * The route's conditions on the request. They were checked when the route was accepted; should one not
 * compile all the same, the route takes nothing rather than everything.
 */
function acceptsOf(route: Route): { readonly accepts?: (ctx: RequestContext) => boolean } {
  const { remote_addr: address, remote_addrs: addresses, vars } = route;
  const parts: ((ctx: RequestContext) => boolean)[] = [];
  const list = addresses ?? (address === undefined ? undefined : [address]);
  if (list !== undefined) {
    const { value: contains = never } = compileAddresses(list);
    parts.push((ctx) => contains(ctx.clientAddress));
  }
  if (vars !== undefined && vars.length > 0) {
    parts.push(compileExpression(vars, bodyVariables).value ?? never);
  }
  const [first, second] = parts;
  if (first === undefined) return {};
  return { accepts: second === undefined ? first : (ctx) => first(ctx) && second(ctx) };
}

const never = (): boolean => false;
