import { checkChain, type JsonSchema, type StoredChain } from "@catena/ir";
import { isJsonObject, type JsonObject, type Kind } from "@catena/schema";
import { type ChainAnswer, inferAnswers } from "./infer/infer-chain.ts";

/** A resource as it is stored. */
export interface ServedResource {
  readonly kind: Kind;
  readonly id: string;
  readonly value: JsonObject;
}

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
  readonly kind: "chain" | "classic" | "proxy";
}

export interface ServedParameter {
  readonly name: string;
  readonly schema: JsonSchema;
}

/** Methods of a route that lists none, as far as a document names them. */
const USUAL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Methods OpenAPI has a place for. */
const DESCRIBED: ReadonlySet<string> = new Set([...USUAL_METHODS, "HEAD", "OPTIONS", "TRACE"]);

/** Everything the routes among some resources serve; those that are switched off are left out. */
export function servedOperations(resources: readonly ServedResource[]): readonly ServedOperation[] {
  const routes = resources.filter(({ kind, value }) => kind === "routes" && value["status"] !== 0);
  const chains = new Map<string, StoredChain>();
  for (const { id, value } of routes) {
    const { value: chain } = checkChain(confOf(value));
    if (chain !== undefined) chains.set(chain.id ?? id, chain);
  }
  return routes.flatMap(({ id, value }) => {
    const conf = confOf(value);
    const { value: chain } = checkChain(conf);
    const kind = chain !== undefined ? "chain" : isJsonObject(conf) ? "classic" : "proxy";
    return texts(value["uri"] ?? value["uris"]).flatMap((uri) =>
      methodsOf(value).map((method) => ({
        route: id,
        summary: text(value["name"]) ?? text(value["desc"]),
        method,
        hosts: texts(value["host"] ?? value["hosts"]),
        kind,
        ...describePath(uri, chain),
        body: chain?.input?.body ?? (kind === "classic" ? { type: "object" } : undefined),
        query: chain?.input?.query,
        headers: chain?.input?.headers,
        answers:
          chain === undefined
            ? []
            : inferAnswers(chain, (name) => chains.get(name) ?? null, captured(uri)),
      })),
    );
  });
}

function confOf(value: JsonObject): unknown {
  const plugins = value["plugins"];
  return isJsonObject(plugins) ? plugins["proxy-chain"] : undefined;
}

function methodsOf(value: JsonObject): readonly string[] {
  const methods = texts(value["methods"]).filter((method) => DESCRIBED.has(method));
  return methods.length > 0 || Array.isArray(value["methods"]) ? methods : USUAL_METHODS;
}

/** Names a route's path captures: `/users/:id`, `/files/*rest`; a bare `*` is called `path`. */
function captured(uri: string): readonly string[] {
  return [...uri.matchAll(/\/(?::([^/]+)|\*([^/]*))/g)].map(
    ([, name, rest]) => name ?? (rest === "" ? "path" : (rest ?? "path")),
  );
}

function describePath(
  uri: string,
  chain: StoredChain | undefined,
): Pick<ServedOperation, "uri" | "path" | "params"> {
  const schema = chain?.input?.params;
  const properties: unknown = schema?.["properties"];
  // A prefix that ends within a segment (`/img*`) has no form in OpenAPI but this.
  const slashed = uri.replace(/^\*/, "/*").replace(/([^/])\*$/, "$1/*");
  const names = captured(slashed);
  let index = 0;
  const path = slashed.replace(/\/(?::[^/]+|\*[^/]*)/g, () => `/{${names[index++]}}`);
  return {
    uri,
    path,
    params: names.map((name) => {
      const described = isJsonObject(properties) ? properties[name] : undefined;
      return { name, schema: isJsonObject(described) ? described : { type: "string" } };
    }),
  };
}

function texts(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === "string");
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
