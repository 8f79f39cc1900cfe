import { checkChain, type JsonSchema, type StoredChain } from "@catena/ir";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { mapSchemas } from "./chain-schemas.ts";
import { Definitions } from "./definitions.ts";
import { type ChainAnswer, inferAnswers } from "./infer/infer-chain.ts";
import { type MergedRoute, mergedRoutes, type ServedResource, texts } from "./merged-routes.ts";
import { type PathParameter, pathTemplate } from "./path-template.ts";
import { type SecurityScheme, securityOf } from "./security.ts";
import type { Steps } from "./steps.ts";

/** One method of one path, as a client sees it. */
export interface ServedOperation {
  readonly route: string;
  /** The route's `name` or `desc`. */
  readonly summary: string | undefined;
  readonly method: string;
  /** As the route has it: `/users/:id`, `/files/*`. */
  readonly uri: string;
  /** With `{placeholders}`, as OpenAPI has it. */
  readonly path: string;
  readonly hosts: readonly string[];
  readonly params: readonly ServedParameter[];
  readonly body: JsonSchema | undefined;
  readonly query: JsonSchema | undefined;
  readonly headers: JsonSchema | undefined;
  /** Empty where only the upstream knows. */
  readonly answers: readonly ChainAnswer[];
  /** All of them at once; empty: nobody is asked who they are. */
  readonly security: readonly SecurityScheme[];
  /** `own`: what a gateway tells of itself. */
  readonly kind: "chain" | "classic" | "proxy" | "own";
}

export interface ServedParameter extends PathParameter {
  readonly schema: JsonSchema;
}

/** Methods of a route that lists none, as far as a document names them. */
const USUAL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Methods OpenAPI has a place for. */
const DESCRIBED: ReadonlySet<string> = new Set([...USUAL_METHODS, "HEAD", "OPTIONS", "TRACE"]);

/** How a gateway reads what is stored. */
export interface Reading {
  /**
   * Whether `/users/:id` has a parameter, as the router `radixtree_uri_with_parameter` reads it; the
   * others take it for a text, unless there is a `*` in it. Default: it has.
   */
  readonly hasPathParameters?: boolean;
}

/** What is served, and what its schemas refer to. */
export interface Served {
  readonly operations: readonly ServedOperation[];
  /** By name, as `#/components/schemas/NAME` refers to them. */
  readonly definitions: ReadonlyMap<string, JsonSchema>;
}

/**
 * Everything the routes among some resources serve, found a little at every step. Of the others, services,
 * plugin configs and global rules are looked at: routes have plugins and hosts from them.
 */
export function* servedOperations(
  resources: readonly ServedResource[],
  { hasPathParameters = true }: Reading,
): Steps<Served> {
  const definitions = new Definitions();
  const routes: FoundRoute[] = [];
  const chains = new Map<string, StoredChain>();
  for (const route of mergedRoutes(resources)) {
    const found = { route, ...chainOf(route, definitions) };
    routes.push(found);
    if (found.chain !== undefined) chains.set(found.chain.id ?? route.id, found.chain);
    yield;
  }
  const lookup = (name: string): StoredChain | null => chains.get(name) ?? null;
  const operations: ServedOperation[] = [];
  for (const found of routes) {
    operations.push(...describeRoute(found, lookup, hasPathParameters));
    yield;
  }
  return { operations, definitions: definitions.schemas };
}

interface FoundRoute {
  readonly route: MergedRoute;
  readonly kind: ServedOperation["kind"];
  /** Of the step form. */
  readonly chain?: StoredChain;
}

function chainOf(
  { plugins }: MergedRoute,
  definitions: Definitions,
): Pick<FoundRoute, "kind" | "chain"> {
  const { _meta: _, ...conf } = plugins.get("proxy-chain") ?? {};
  const { value: chain } = checkChain(conf);
  if (chain !== undefined) {
    return { kind: "chain", chain: mapSchemas(chain, (schema) => definitions.read(schema)) };
  }
  if (plugins.has("public-api")) return { kind: "own" };
  return { kind: plugins.has("proxy-chain") ? "classic" : "proxy" };
}

function describeRoute(
  { route, kind, chain }: FoundRoute,
  lookup: (name: string) => StoredChain | null,
  hasParameters: boolean,
): readonly ServedOperation[] {
  const { id, value, hosts, plugins } = route;
  const summary = text(value["name"]) ?? text(value["desc"]);
  const methods = kind === "own" ? ["GET"] : methodsOf(value);
  const security = securityOf(plugins);
  return texts(value["uris"] ?? value["uri"]).flatMap((uri) => {
    const { path, params: captured } = pathTemplate(uri, hasParameters);
    const params = describeParams(captured, chain);
    const names = captured.map(({ name }) => name);
    const answers = chain === undefined ? [] : inferAnswers(chain, lookup, names);
    return methods.map((method) => ({
      route: id,
      summary,
      method,
      uri,
      path,
      hosts,
      kind,
      params,
      body: chain?.input?.body ?? (kind === "classic" ? { type: "object" } : undefined),
      query: chain?.input?.query,
      headers: chain?.input?.headers,
      answers,
      security,
    }));
  });
}

function methodsOf(value: JsonObject): readonly string[] {
  const methods = texts(value["methods"]).filter((method) => DESCRIBED.has(method));
  return methods.length > 0 || Array.isArray(value["methods"]) ? methods : USUAL_METHODS;
}

function describeParams(
  params: readonly PathParameter[],
  chain: StoredChain | undefined,
): readonly ServedParameter[] {
  const properties: unknown = chain?.input?.params?.["properties"];
  return params.map((param) => {
    const described = isJsonObject(properties) ? properties[param.name] : undefined;
    return { ...param, schema: isJsonObject(described) ? described : { type: "string" } };
  });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
