import { checkChain, type StoredChain } from "@catena/ir";
import type { JsonObject, Kind } from "@catena/schema";
import { DeclaredServices } from "./declared-services.ts";
import { type Doc, render, use } from "./doc.ts";
import { EXPORTED_NAMES } from "./exported-names.ts";
import { type FileSource, FileSources } from "./file-sources.ts";
import { isMembers, type Members } from "./members.ts";
import { Names } from "./names.ts";
import { type PrintedRoute, printClassic, printSteps } from "./print-chain.ts";
import { printPlain, withoutBookkeeping } from "./print-plain.ts";
import type { UpstreamConstants } from "./value-scope.ts";

/** A resource as it is stored; a text that is not to be written is a {@link LeftOut}. */
export interface StoredResource {
  readonly kind: Kind;
  readonly id: string;
  readonly value: JsonObject;
}

/** Which file each resource goes to; paths are relative, with `/`. */
export interface FileLayout {
  fileOf(resource: StoredResource): string;
  /** The file of the services that chains call, which are no resources. */
  readonly services: string;
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
  const layout = { fileOf: () => "config.ts", services: "config.ts" };
  return decompileFiles(resources, layout).get("config.ts") ?? "export {};\n";
}

/**
 * As {@link decompile}, into several files, which import from each other what they refer to.
 *
 * @param layout must not make files import each other in a circle: upstreams refer to nothing, services
 *   to upstreams, routes to both.
 * @returns source by path.
 */
export function decompileFiles(
  resources: readonly StoredResource[],
  layout: FileLayout,
): ReadonlyMap<string, string> {
  const names = new Names(EXPORTED_NAMES);
  const services = new DeclaredServices(names);
  const files = new FileSources(names);
  const chains = new Map(resources.map((resource) => [resource, chainOf(resource)] as const));
  const constants = new Map(resources.map((resource) => [resource, names.declare(resource.id)]));
  const upstreams = new Map<unknown, Doc>();
  for (const [resource, constant] of constants) {
    files.place(constant, layout.fileOf(resource));
    if (resource.kind === "upstreams") upstreams.set(resource.id, use(constant));
  }
  for (const found of chains.values()) if (found?.form === "steps") services.add(found.chain);
  for (const [constant, made] of services.print(upstreams)) {
    files.place(constant, layout.services);
    const file = files.file(layout.services);
    const head = `export const ${constant} = `;
    file.add(1, `${head}${render(file.take(made), 0, head.length)};`);
  }
  for (const [resource, constant] of constants) {
    const file = files.file(layout.fileOf(resource));
    const head = `export const ${constant} = `;
    const scope = { services, upstreams, file };
    const source = printResource(resource, chains.get(resource) ?? null, head.length, scope);
    file.add(resource.kind === "upstreams" ? 0 : 2, `${head}${source};`);
  }
  return files.print();
}

interface PrintScope {
  readonly services: DeclaredServices;
  readonly upstreams: UpstreamConstants;
  readonly file: FileSource;
}

function printResource(
  { kind, id, value }: StoredResource,
  chain: FoundChain | null,
  column: number,
  scope: PrintScope,
): string {
  if (chain === null) {
    return render(scope.file.take(printPlain(kind, id, value, scope.upstreams)), 0, column);
  }
  return chain.form === "steps"
    ? printSteps(chain.chain, chain.at, scope)
    : printClassic(chain.services, chain.conf, chain.at, scope);
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
