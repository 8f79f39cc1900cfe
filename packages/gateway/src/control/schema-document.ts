import {
  hashKeyPatterns,
  type Kind,
  kinds,
  type PluginRegistry,
  type PluginSchema,
  type PluginTarget,
  withMeta,
} from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";

/** Kinds whose schemas are told (apisix/control/v1.lua). */
const told = [
  "consumers",
  "consumer_groups",
  "global_rules",
  "plugin_configs",
  "protos",
  "routes",
  "services",
  "ssls",
  "stream_routes",
  "upstreams",
] as const satisfies readonly Kind[];

/** The list of plugins of one gateway, as APISIX stores it. */
const pluginList = {
  type: "array",
  items: {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1 },
      stream: { type: "boolean" },
    },
    required: ["name"],
    additionalProperties: false,
  },
} as const;

/** What `GET /v1/schema` tells: the schemas of resources and of this build's plugins. */
export interface SchemaDocument {
  readonly main: Readonly<Record<string, unknown>>;
  readonly plugins: Readonly<Record<string, unknown>>;
  /** Empty: there are none. */
  readonly stream_plugins: Readonly<Record<string, never>>;
}

export function describeSchemas(registry: PluginRegistry): SchemaDocument {
  return {
    main: {
      ...Object.fromEntries(told.map((kind) => [kinds[kind].schemaName, kinds[kind].schema])),
      plugins: pluginList,
      upstream_hash_vars_schema: { type: "string", pattern: hashKeyPatterns["vars"] },
      upstream_hash_header_schema: { type: "string", pattern: hashKeyPatterns["header"] },
    },
    plugins: Object.fromEntries(registry.plugins.map((plugin) => [plugin.name, describe(plugin)])),
    stream_plugins: {},
  };
}

function describe(plugin: PluginSchema): Readonly<Record<string, unknown>> {
  const { version = 0.1, priority, type } = plugin;
  return {
    version,
    priority,
    ...(type === undefined ? {} : { type }),
    schema: published(plugin, "plugin", withMeta(plugin.schema)),
    consumer_schema: published(plugin, "consumer", plugin.consumerSchema),
    metadata_schema: published(plugin, "metadata", plugin.metadataSchema),
  };
}

/** A schema with the fields named that are kept encrypted; JSON leaves out one that is not there. */
function published(
  { encryptFields }: PluginSchema,
  target: PluginTarget,
  schema: TSchema | undefined,
): unknown {
  const secret = encryptFields?.[target] ?? [];
  return schema === undefined || secret.length === 0
    ? schema
    : { ...schema, encrypt_fields: secret };
}
