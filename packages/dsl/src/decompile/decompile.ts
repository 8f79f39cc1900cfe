import { checkChain, type StoredChain } from "@catena/ir";
import { type JsonObject, type Kind, splitCredentialId } from "@catena/schema";
import { DeclaredServices } from "./declared-services.ts";
import { callDoc, type Doc, jsonDoc, objectDoc, render, use } from "./doc.ts";
import { EXPORTED_NAMES } from "./exported-names.ts";
import { isMembers, type Members } from "./members.ts";
import { Names } from "./names.ts";
import { type PrintedRoute, printClassic, printSteps } from "./print-chain.ts";

/** A resource as it is stored. */
export interface StoredResource {
  readonly kind: Kind;
  readonly id: string;
  readonly value: JsonObject;
}

/**
 * Writes a config file that compiles to the given resources: chains in the words of the DSL, their
 * services declared once, everything else by its builder. Fields the store adds (`id` and times) are
 * left out. What a chain's JSON cannot show, such as the schemas of an operation's body, is `any`.
 *
 * @param resources in an order in which nothing comes after what refers to it, as `compile` gives
 *   them.
 * @returns TypeScript source; compiled again, it gives the same documents.
 */
export function decompile(resources: readonly StoredResource[]): string {
  const names = new Names(EXPORTED_NAMES);
  const services = new DeclaredServices(names);
  const chains = new Map(resources.map((resource) => [resource, chainOf(resource)] as const));
  const constants = new Map(resources.map((resource) => [resource, names.declare(resource.id)]));
  const upstreams = new Map<string, string>();
  for (const [{ kind, id }, constant] of constants) {
    if (kind === "upstreams") upstreams.set(id, constant);
  }
  for (const found of chains.values()) if (found?.form === "steps") services.add(found.chain);

  const scope = { names, services, upstreams };
  const first: string[] = [];
  const others: string[] = [];
  for (const [resource, constant] of constants) {
    const found = chains.get(resource) ?? null;
    const source =
      found === null
        ? render(
            names.take(printPlain(resource, upstreams)),
            0,
            `export const ${constant} = `.length,
          )
        : found.form === "steps"
          ? printSteps(found.chain, found.at, scope)
          : printClassic(found.services, found.conf, found.at, scope);
    const target = resource.kind === "upstreams" ? first : others;
    target.push(`export const ${constant} = ${source};`);
  }
  const declared = services.print(upstreams).map((doc) => render(names.take(doc)));
  const body = [...first, ...declared, ...others].join("\n\n");
  const imports = [names.importLine("@catena/dsl")];
  if (body.includes("Type.")) imports.unshift('import { Type } from "@sinclair/typebox";');
  return `${imports.join("\n")}\n\n${body}\n`;
}

type FoundChain = { readonly at: PrintedRoute } & (
  | { readonly form: "steps"; readonly chain: StoredChain }
  | { readonly form: "classic"; readonly services: readonly Members[]; readonly conf: Members }
);

/** The chain of a route that `chain()` can make; `null` for any other resource. */
function chainOf({ kind, id, value }: StoredResource): FoundChain | null {
  const { plugins, ...rest } = withoutBookkeeping(value);
  if (kind !== "routes" || !isMembers(plugins)) return null;
  const { "proxy-chain": conf, ...others } = plugins;
  if (!isMembers(conf) || (rest["uri"] === undefined) === (rest["uris"] === undefined)) return null;
  const at = { id, route: rest, plugins: others };
  const { value: chain } = checkChain(conf);
  // The upstream of a config's forward is its route's.
  if (chain?.forward?.upstream_id !== undefined) return null;
  if (chain !== undefined) return { form: "steps", chain, at };
  const services = classicServices(conf);
  return services === null ? null : { form: "classic", services, conf, at };
}

const CLASSIC: ReadonlySet<string> = new Set([
  "services",
  "token_header",
  "deadline",
  "error_bodies",
]);
const OF_SERVICE: ReadonlySet<string> = new Set([
  "uri",
  "method",
  "name",
  "timeout",
  "send_body",
  "upstream_id",
]);

/** The services of a classic chain, when the DSL has a word for all it says. */
function classicServices(conf: Members): readonly Members[] | null {
  const { services } = conf;
  if (!Array.isArray(services) || services.length === 0) return null;
  if (!Object.keys(conf).every((key) => CLASSIC.has(key))) return null;
  const names = new Set<unknown>();
  for (const service of services) {
    if (!isMembers(service) || !Object.keys(service).every((key) => OF_SERVICE.has(key)))
      return null;
    const { name } = service;
    if (name === undefined) continue;
    if (names.has(name) || !/^[A-Za-z]/.test(String(name))) return null;
    names.add(name);
  }
  return services.filter(isMembers);
}

/** The store's own fields, which no config has. */
function withoutBookkeeping(value: JsonObject): Members {
  const { id, create_time, update_time, ...rest } = value;
  return rest;
}

const BUILDERS: Readonly<Record<Kind, string>> = {
  consumer_groups: "consumerGroup",
  consumers: "consumer",
  credentials: "credential",
  global_rules: "globalRule",
  plugin_configs: "pluginConfig",
  plugin_metadata: "pluginMetadata",
  protos: "proto",
  routes: "route",
  secrets: "secret",
  services: "service",
  ssls: "ssl",
  stream_routes: "streamRoute",
  upstreams: "upstream",
};

function printPlain(
  { kind, id, value }: StoredResource,
  upstreams: ReadonlyMap<string, string>,
): Doc {
  const { username, ...fields } = withoutBookkeeping(value);
  const own = kind === "consumers" || username === undefined ? fields : { username, ...fields };
  const members = Object.entries(own).map(([field, member]): readonly [string, Doc] => [
    field,
    (field === "upstream_id" ? upstreams.get(String(member)) : undefined) ?? jsonDoc(member),
  ]);
  const docs = objectDoc(Object.fromEntries(members));
  return callDoc(use(BUILDERS[kind]), ...idOf(kind, id), docs);
}

/** The arguments before the fields: a credential's and a secret's id has two parts. */
function idOf(kind: Kind, id: string): readonly Doc[] {
  const credential = kind === "credentials" ? splitCredentialId(id) : null;
  if (credential !== null) {
    return [JSON.stringify(credential.username), JSON.stringify(credential.credential)];
  }
  if (kind === "secrets") return id.split("/").map((part) => JSON.stringify(part));
  return [JSON.stringify(id)];
}
