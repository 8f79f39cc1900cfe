import type { FileLayout, StoredResource } from "@catena/dsl";
import { isJsonObject, type Kind } from "@catena/schema";

/** What is referred to is in a file that refers to no other of these. */
const files: Readonly<Record<Kind, string>> = {
  upstreams: "services.ts",
  services: "services.ts",
  routes: "routes.ts",
  stream_routes: "routes.ts",
  plugin_configs: "plugins.ts",
  global_rules: "plugins.ts",
  plugin_metadata: "plugins.ts",
  consumers: "consumers.ts",
  consumer_groups: "consumers.ts",
  credentials: "consumers.ts",
  ssls: "certificates.ts",
  secrets: "secrets.ts",
  protos: "protos.ts",
};

/** Upstreams and services in one file, every chain in its own, the rest by what it is about. */
export function layOutFiles(resources: readonly StoredResource[]): FileLayout {
  const taken = new Set<string>();
  const chains = new Map<StoredResource, string>();
  for (const resource of resources) {
    if (!isChain(resource)) continue;
    const name = fileName(resource.id, taken);
    taken.add(name);
    chains.set(resource, `chains/${name}.ts`);
  }
  return {
    services: "services.ts",
    fileOf: (resource) => chains.get(resource) ?? files[resource.kind],
  };
}

function isChain({ kind, value }: StoredResource): boolean {
  const plugins = value["plugins"];
  return kind === "routes" && isJsonObject(plugins) && isJsonObject(plugins["proxy-chain"]);
}

/** Lower case, for file systems that do not tell it apart. */
function fileName(id: string, taken: ReadonlySet<string>): string {
  const words = id.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const plain = words.join("-").toLowerCase() || "chain";
  // A folder's gateway.ts holds settings, and is not read as a config.
  const base = plain === "gateway" ? "gateway-chain" : plain;
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  return name;
}
