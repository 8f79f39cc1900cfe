import {
  isJsonObject,
  isSecretReference,
  type JsonObject,
  type Kind,
  kindPrefix,
  type PluginSchema,
  splitCredentialId,
} from "@catena/schema";
import type { AdminContext } from "../admin-context.ts";
import type { Address } from "./address.ts";
import { invalid } from "./prepare-document.ts";
import { listItems, type StoredItem } from "./stored-item.ts";

/**
 * Refuses what only one resource may have: a plugin in two global rules, a value by which an auth
 * plugin finds a consumer in two consumers or credentials (apisix/consumer.lua, check_duplicate_key),
 * and two configurations for one group of limit-count. Best effort, as in APISIX: two writers at the
 * same moment are not told.
 *
 * @throws ADMIN_RESOURCE_INVALID
 */
export async function checkUnique(
  context: AdminContext,
  { kind }: Address,
  document: JsonObject,
  id: string | undefined,
): Promise<void> {
  await checkGroups(context, kind, document, id);
  if (kind === "global_rules") await checkGlobalRule(context, document, id);
  if (kind === "consumers" || kind === "credentials") {
    await checkIdentity(context, kind, document, id ?? "");
  }
}

/** Kinds whose plugins run. */
const pluginHolders = [
  "routes",
  "services",
  "plugin_configs",
  "global_rules",
  "consumer_groups",
  "consumers",
] as const satisfies readonly Kind[];

/** APISIX remembers the first configuration of a group for good; here the stored ones count. */
async function checkGroups(
  { registry, store, prefix }: AdminContext,
  kind: Kind,
  document: JsonObject,
  id: string | undefined,
): Promise<void> {
  for (const [name, conf] of Object.entries(pluginsOf(document))) {
    const plugin = registry.get(name);
    const field = plugin?.groupField;
    if (plugin === undefined || field === undefined || !isJsonObject(conf)) continue;
    const group = conf[field];
    if (group === undefined) continue;
    const counted = countedBy(plugin, conf);
    for (const holder of pluginHolders) {
      for (const item of await listItems(store, holder, prefix, kindPrefix(holder, prefix))) {
        const other = pluginsOf(item.value)[name];
        const isOwn = item.kind === kind && item.id === id;
        if (isOwn || !isJsonObject(other) || other[field] !== group) continue;
        if (Bun.deepEquals(counted, countedBy(plugin, other))) continue;
        throw invalid(
          `failed to check the configuration of plugin ${name} err: group conf mismatched`,
        );
      }
    }
  }
}

/** A configuration with its defaults; `_meta` is how it runs, not what it is. */
function countedBy({ schema }: PluginSchema, conf: JsonObject): unknown {
  const { _meta, ...counted } = conf;
  const properties: unknown = schema["properties"];
  const defaults = Object.entries(isJsonObject(properties) ? properties : {}).flatMap(
    ([name, property]) =>
      isJsonObject(property) && property["default"] !== undefined
        ? [[name, property["default"]] as const]
        : [],
  );
  return { ...Object.fromEntries(defaults), ...counted };
}

async function checkGlobalRule(
  { store, prefix }: AdminContext,
  document: JsonObject,
  id: string | undefined,
): Promise<void> {
  const plugins = pluginsOf(document);
  const rules = await listItems(store, "global_rules", prefix, kindPrefix("global_rules", prefix));
  for (const rule of rules) {
    if (rule.id === id) continue;
    const taken = Object.keys(pluginsOf(rule.value)).find((name) => Object.hasOwn(plugins, name));
    if (taken !== undefined) {
      throw invalid(`plugin '${taken}' already exists in global rule with id '${rule.id}'`);
    }
  }
}

async function checkIdentity(
  context: AdminContext,
  kind: "consumers" | "credentials",
  document: JsonObject,
  id: string,
): Promise<void> {
  const claims = identitiesOf(context, document);
  if (claims.length === 0) return;
  const { store, prefix } = context;
  const under = kindPrefix("consumers", prefix);
  const others = [
    ...(await listItems(store, "consumers", prefix, under)).map((item) => ({
      item,
      owner: `consumer: ${item.id}`,
      isOwn: kind === "consumers" && item.id === id,
    })),
    ...(await listItems(store, "credentials", prefix, under)).map((item) => ({
      item,
      ...ownerOfCredential(item, kind, id),
    })),
  ];
  for (const { item, owner, isOwn } of others) {
    if (isOwn) continue;
    const plain = context.cipher.decryptPlugins(item.kind, item.value);
    for (const { plugin, field, value } of identitiesOf(context, plain)) {
      const isTaken = claims.some((claim) => claim.plugin === plugin && claim.value === value);
      if (isTaken) throw invalid(`duplicate ${field} of plugin ${plugin} found with ${owner}`);
    }
  }
}

/** A consumer may repeat what its own credentials say; a credential only what it said itself. */
function ownerOfCredential(
  { id }: StoredItem,
  kind: "consumers" | "credentials",
  own: string,
): { readonly owner: string; readonly isOwn: boolean } {
  const { username = "", credential = "" } = splitCredentialId(id) ?? {};
  return {
    owner: `credential: ${credential} of consumer: ${username}`,
    isOwn: kind === "credentials" ? id === own : username === own,
  };
}

interface Identity {
  readonly plugin: string;
  readonly field: string;
  readonly value: unknown;
}

function identitiesOf({ registry }: AdminContext, document: JsonObject): readonly Identity[] {
  return Object.entries(pluginsOf(document)).flatMap(([plugin, conf]) => {
    const field = registry.get(plugin)?.uniqueField;
    const value = field !== undefined && isJsonObject(conf) ? conf[field] : undefined;
    // What a reference stands for is not known here (apisix/consumer.lua, get_auth_unique_keys).
    const isKnown = value !== undefined && !(typeof value === "string" && isSecretReference(value));
    return field === undefined || !isKnown ? [] : [{ plugin, field, value }];
  });
}

function pluginsOf(document: JsonObject): JsonObject {
  const plugins = document["plugins"];
  return isJsonObject(plugins) ? plugins : {};
}
