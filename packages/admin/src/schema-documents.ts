import {
  hostSchema,
  idSchema,
  type JsonObject,
  kindNames,
  kinds,
  labelsSchema,
  metaSchema,
  type PluginRegistry,
  type PluginSchema,
  type PluginTarget,
  timeoutSchema,
  withMeta,
} from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";

/** Schemas by the names that `GET /schema/NAME` knows (the fields of apisix/schema_def.lua). */
const named: ReadonlyMap<string, JsonObject> = new Map<string, JsonObject>([
  ...kindNames.map((kind) => [kinds[kind].schemaName, kinds[kind].schema] as const),
  ["id_schema", idSchema],
  ["host_def", hostSchema()],
  ["labels_def", labelsSchema],
  ["timeout_def", timeoutSchema],
  ["plugin_injected_schema", { type: "object", properties: { _meta: metaSchema } }],
]);

/** @returns `undefined` for a name that is not known */
export function schemaNamed(name: string): JsonObject | undefined {
  return named.get(name);
}

/**
 * A plugin's schema as published: `_meta` among its members, and the fields that are kept encrypted
 * named. A plugin's consumer schema is published as it is.
 *
 * @returns `undefined` when the plugin has no schema for the target
 */
export function pluginSchema(plugin: PluginSchema, target: PluginTarget): JsonObject | undefined {
  const schema = schemaFor(plugin, target);
  if (schema === undefined) return undefined;
  const secret = plugin.encryptFields?.[target] ?? [];
  const published = target === "plugin" ? withMeta(schema) : schema;
  return secret.length === 0 ? published : { ...published, encrypt_fields: secret };
}

/** What `GET /plugins?all=true` tells of every plugin. */
export function describePlugins(registry: PluginRegistry): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    registry.plugins.map((plugin) => [
      plugin.name,
      {
        version: plugin.version ?? 0.1,
        priority: plugin.priority,
        ...(plugin.type === undefined ? {} : { type: plugin.type }),
        schema: pluginSchema(plugin, "plugin"),
        ...optional("consumer_schema", pluginSchema(plugin, "consumer")),
        ...optional("metadata_schema", pluginSchema(plugin, "metadata")),
      },
    ]),
  );
}

function schemaFor(plugin: PluginSchema, target: PluginTarget): TSchema | undefined {
  if (target === "consumer") return plugin.consumerSchema;
  return target === "metadata" ? plugin.metadataSchema : plugin.schema;
}

function optional(name: string, value: unknown): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: value };
}
