import { pointerSegment } from "@catena/errors";
import { isJsonObject, type JsonObject } from "./json-schema/json-schema.ts";
import { splitCredentialId } from "./key.ts";
import { type Kind, kindNames, kinds } from "./kinds.ts";
import type { PluginRegistry } from "./plugin-registry.ts";

/** One resource pointing at another. */
export interface Reference {
  readonly kind: Kind;
  readonly id: string;
  /** JSON pointer of the field that holds the id. */
  readonly path: string;
  /** The plugin whose configuration holds it, when it is one. */
  readonly plugin?: string;
}

/** Fields that hold an id, by where they stand; a kind that lacks a field simply never has it. */
const FIELDS: readonly (readonly [path: readonly string[], kind: Kind])[] = [
  [["upstream_id"], "upstreams"],
  [["service_id"], "services"],
  [["plugin_config_id"], "plugin_configs"],
  [["group_id"], "consumer_groups"],
  [["tls", "client_cert_id"], "ssls"],
  [["upstream", "tls", "client_cert_id"], "ssls"],
  [["protocol", "superior_id"], "stream_routes"],
];

/**
 * Lists what a resource points at, plugins included; dangling or not is the caller's to find out.
 *
 * @param value a document that has passed its schema; others give what can be read of them.
 * @param id needed for credentials, whose consumer stands in their id.
 */
export function referencesOf(
  kind: Kind,
  value: unknown,
  options: { readonly id?: string; readonly registry?: PluginRegistry } = {},
): readonly Reference[] {
  if (!isJsonObject(value)) return [];
  const references: Reference[] = [];
  for (const [path, target] of FIELDS) {
    const holder = path.slice(0, -1).reduce<unknown>(memberOf, value);
    const found = toId(memberOf(holder, path.at(-1) ?? ""));
    if (found !== null) references.push({ kind: target, id: found, path: `/${path.join("/")}` });
  }
  const owner = kind === "credentials" ? splitCredentialId(options.id ?? "") : null;
  if (owner !== null) references.push({ kind: "consumers", id: owner.username, path: "" });
  const plugins = isJsonObject(value["plugins"]) ? value["plugins"] : {};
  for (const [plugin, conf] of Object.entries(plugins)) {
    for (const reference of pluginReferences(plugin, conf, options.registry)) {
      const path = `/plugins/${pointerSegment(plugin)}${reference.path}`;
      references.push({ ...reference, path, plugin });
    }
  }
  return references;
}

/** Every kind, each after all kinds it may point at: the order in which to write resources. */
export const deployOrder: readonly Kind[] = sortKinds();

function pluginReferences(
  plugin: string,
  conf: unknown,
  registry: PluginRegistry | undefined,
): readonly Reference[] {
  if (!isJsonObject(conf)) return [];
  if (plugin === "traffic-split") return trafficSplit(conf);
  if (plugin === "grpc-transcode") {
    const id = toId(conf["proto_id"]);
    return id === null ? [] : [{ kind: "protos", id, path: "/proto_id" }];
  }
  const known = registry?.get(plugin)?.references;
  if (known !== undefined) return known(conf);
  return plugin === "proxy-chain" ? listed(conf, "services", "upstream_id", "upstreams") : [];
}

/** Upstreams of rules, and the certificates of those that stand within one. */
function trafficSplit(conf: JsonObject): readonly Reference[] {
  const rules: unknown = conf["rules"];
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: unknown, index) => {
    const choices = memberOf(rule, "weighted_upstreams");
    if (!Array.isArray(choices)) return [];
    return choices.flatMap((choice: unknown, at) => {
      const path = `/rules/${index}/weighted_upstreams/${at}`;
      const id = toId(memberOf(choice, "upstream_id"));
      const certificate = toId(
        memberOf(memberOf(memberOf(choice, "upstream"), "tls"), "client_cert_id"),
      );
      return [
        ...(id === null ? [] : [{ kind: "upstreams" as const, id, path: `${path}/upstream_id` }]),
        ...(certificate === null
          ? []
          : [
              {
                kind: "ssls" as const,
                id: certificate,
                path: `${path}/upstream/tls/client_cert_id`,
              },
            ]),
      ];
    });
  });
}

/** Ids in a field of each item of a list. */
function listed(holder: JsonObject, list: string, field: string, kind: Kind): readonly Reference[] {
  const items: unknown = holder[list];
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown, index) => {
    const id = toId(memberOf(item, field));
    return id === null ? [] : [{ kind, id, path: `/${list}/${index}/${field}` }];
  });
}

function memberOf(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function toId(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

function sortKinds(): readonly Kind[] {
  const sorted: Kind[] = [];
  const visit = (kind: Kind) => {
    if (sorted.includes(kind)) return;
    for (const target of kindNames) if (kinds[kind].references.includes(target)) visit(target);
    sorted.push(kind);
  };
  kindNames.forEach(visit);
  return sorted;
}
