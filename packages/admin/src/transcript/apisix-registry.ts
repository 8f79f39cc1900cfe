import {
  type ClassicChain,
  checkClassicChain,
  classicChainSchema,
  compileJsonCheck,
  createPluginRegistry,
  isJsonObject,
  type JsonSchema,
  type PluginRegistry,
  type PluginSchema,
  type PluginTarget,
} from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";
import fixture from "../fixtures/apisix-plugins.json" with { type: "json" };

/** The consumer field that must be unique, which no schema says (apisix/consumer.lua). */
const uniqueFields: Readonly<Record<string, string>> = {
  "key-auth": "key",
  "basic-auth": "username",
  "jwt-auth": "key",
};

/** The plugins the recorded calls use, with APISIX's own schemas. */
export function createApisixRegistry(): PluginRegistry {
  const plugins = Object.entries(fixture.plugins).map(([name, recorded]) =>
    toPlugin(name, recorded),
  );
  const registry = createPluginRegistry([...plugins, proxyChain]);
  return {
    ...registry,
    checker(name, target) {
      const plugin = plugins.find((known) => known.name === name);
      if (plugin === undefined) return registry.checker(name, target);
      const schema = schemaFor(plugin, target);
      if (schema === undefined) return null;
      const check = compileJsonCheck(schema);
      return {
        schema,
        accepts: (value): value is never => check(value).length === 0,
        explain: (value, place = { path: "", wrap: "" }) =>
          check(value).map((finding) => ({
            ...finding,
            path: place.path + finding.path,
            apisix: place.wrap + finding.apisix,
          })),
      };
    },
  };
}

const proxyChain: PluginSchema = {
  name: "proxy-chain",
  priority: 1000,
  schema: classicChainSchema,
  // The schema has accepted the configuration before this is called.
  check: (conf) => checkClassicChain(conf as unknown as ClassicChain),
};

interface RecordedPlugin {
  readonly priority: number;
  readonly version?: number;
  readonly type?: string;
  readonly schema: object;
  readonly consumer_schema?: object;
  readonly metadata_schema?: object;
}

function toPlugin(name: string, recorded: RecordedPlugin): PluginSchema {
  const { consumer_schema, metadata_schema } = recorded;
  const uniqueField = uniqueFields[name];
  const targets = { plugin: recorded.schema, consumer: consumer_schema, metadata: metadata_schema };
  return {
    name,
    priority: recorded.priority,
    schema: toSchema(recorded.schema),
    encryptFields: Object.fromEntries(
      Object.entries(targets).map(([target, schema]) => [target, secretFields(schema)]),
    ),
    ...(recorded.type === "auth" ? { type: "auth" } : {}),
    ...(recorded.version === undefined ? {} : { version: recorded.version }),
    ...(consumer_schema === undefined ? {} : { consumerSchema: toSchema(consumer_schema) }),
    ...(metadata_schema === undefined ? {} : { metadataSchema: toSchema(metadata_schema) }),
    ...(uniqueField === undefined ? {} : { uniqueField }),
    ...(name === "limit-count" ? { groupField: "group" } : {}),
  };
}

function schemaFor(plugin: PluginSchema, target: PluginTarget): (TSchema & JsonSchema) | undefined {
  if (target === "metadata") return plugin.metadataSchema;
  return target === "consumer" ? (plugin.consumerSchema ?? plugin.schema) : plugin.schema;
}

/** Only what compares and prints JSON Schema sees these, and TypeBox's kinds are not used for that. */
function toSchema(schema: object): TSchema {
  return schema as TSchema;
}

function secretFields(schema: object | undefined): readonly string[] {
  const fields: unknown = isJsonObject(schema) ? schema["encrypt_fields"] : undefined;
  return Array.isArray(fields) ? fields.map(String) : [];
}
