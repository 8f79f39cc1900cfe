import { type JsonObject, type Kind, splitCredentialId } from "@catena/schema";
import { callDoc, type Doc, jsonDoc, objectDoc, use } from "./doc.ts";
import type { Members } from "./members.ts";
import type { UpstreamConstants } from "./value-scope.ts";

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

/** Prints a resource by its builder: `upstream("orders", { … })`. */
export function printPlain(
  kind: Kind,
  id: string,
  value: JsonObject,
  upstreams: UpstreamConstants,
): Doc {
  const { username, ...fields } = withoutBookkeeping(value);
  const own = kind === "consumers" || username === undefined ? fields : { username, ...fields };
  const members = Object.entries(own).map(([field, member]): readonly [string, Doc] => [
    field,
    (field === "upstream_id" ? upstreams.get(member) : undefined) ?? jsonDoc(member),
  ]);
  const docs = objectDoc(Object.fromEntries(members));
  return callDoc(use(BUILDERS[kind]), ...idOf(kind, id), docs);
}

/** The store's own fields, which no config has. */
export function withoutBookkeeping(value: JsonObject): Members {
  const { id, create_time, update_time, ...rest } = value;
  return rest;
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
