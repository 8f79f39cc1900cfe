import { isAbsolute, relative } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import { didYouMean, formatKey, isJsonObject, type JsonObject } from "@catena/schema";
import type { StoreEntry } from "@catena/store";
import { tryErrors } from "./errors.ts";

/** Stands for the upstream that a route or service has of its own, which has no id. */
const inlineId = "of-the-route-itself";

/**
 * Finds a chain by its route's id, or by what it calls itself.
 *
 * @throws TRY_NO_CHAIN
 */
export function chooseChain(
  resources: readonly CompiledResource[],
  name: string | undefined,
): CompiledResource {
  const routes = resources.filter(
    ({ kind, value }) => kind === "routes" && chainOf(value) !== null,
  );
  const found =
    routes.find(({ id }) => id === name) ??
    routes.find(({ value }) => chainOf(value)?.["id"] === name);
  if (name !== undefined && found !== undefined) return found;
  const ids = routes.map(({ id }) => id);
  const meant = name === undefined ? null : didYouMean(name, ids);
  throw tryErrors.TRY_NO_CHAIN({
    asked:
      name === undefined ? "which chain is to be tried is missing" : `there is no chain "${name}"`,
    known: ids.join(", ") || "none: no route has a chain",
    meant: meant === null ? "" : ` (did you mean "${meant}"?)`,
  });
}

function chainOf({ plugins }: JsonObject): JsonObject | null {
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : null;
  return isJsonObject(conf) ? conf : null;
}

/** What a route says of requests that it takes. */
export interface RouteShape {
  /** The first of several. */
  readonly uri: string;
  /** Empty: any. */
  readonly methods: readonly string[];
}

export function shapeOf({ value }: CompiledResource): RouteShape {
  const uris = [value["uri"], ...(Array.isArray(value["uris"]) ? value["uris"] : [])];
  const methods = Array.isArray(value["methods"]) ? value["methods"] : [];
  return { uri: texts(uris)[0] ?? "/", methods: texts(methods) };
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === "string");
}

/** The id of the upstream that a chain sends the request on to; `undefined` when there is none. */
export function forwardedTo(
  route: CompiledResource,
  resources: readonly CompiledResource[],
): string | undefined {
  const forward = chainOf(route.value)?.["forward"];
  const named = isJsonObject(forward) ? forward["upstream_id"] : undefined;
  const holder = holderOf(route, resources);
  const id = named ?? holder["upstream_id"];
  if (id !== undefined) return String(id);
  return holder["upstream"] === undefined ? undefined : inlineId;
}

/** What calls need, as it would be stored; the upstream of the route itself is among them. */
export function toEntries(
  resources: readonly CompiledResource[],
  route: CompiledResource,
  prefix: string,
): readonly StoreEntry[] {
  const needed = resources.flatMap(({ kind, id, value }) =>
    kind === "upstreams" || kind === "ssls" ? [{ kind, id, value }] : [],
  );
  const own = holderOf(route, resources)["upstream"];
  if (isJsonObject(own)) {
    needed.push({ kind: "upstreams", id: inlineId, value: { ...own, id: inlineId } });
  }
  return needed.map(({ kind, id, value }) => ({
    key: formatKey({ kind, id }, prefix),
    value: JSON.stringify(value),
    createRevision: 1,
    modRevision: 1,
  }));
}

/** What names the route's upstream: the route, or its service. */
function holderOf({ value }: CompiledResource, resources: readonly CompiledResource[]): JsonObject {
  if (value["upstream"] !== undefined || value["upstream_id"] !== undefined) return value;
  const id = String(value["service_id"]);
  return resources.find((one) => one.kind === "services" && one.id === id)?.value ?? {};
}

/** Where configs are, as a recording in a folder names them. */
export function configsFrom(folder: string, paths: readonly string[]): readonly string[] {
  return paths.map((path) => (isAbsolute(path) ? path : relative(folder, path) || "."));
}
