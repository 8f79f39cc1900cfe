import type { Issue } from "@catena/errors";
import { type TSchema, Type } from "@sinclair/typebox";
import { compileSchema, type SchemaChecker } from "./json-schema/compile-schema.ts";
import type { JsonObject } from "./json-schema/json-schema.ts";
import type { Reference } from "./references.ts";

/** Which of a plugin's schemas a configuration is held against. */
export type PluginTarget = "plugin" | "consumer" | "metadata";

/**
 * What configuration of a plugin may be. Nothing here runs a plugin: its behaviour is defined
 * elsewhere and may carry this as a part.
 */
export interface PluginSchema {
  /** APISIX's name of the plugin. */
  readonly name: string;
  /** Higher runs first within a phase; APISIX's constant for the plugin. */
  readonly priority: number;
  /** `auth` plugins identify consumers and are the only ones a credential may hold. */
  readonly type?: "auth" | "validation";
  readonly version?: number;
  /** On routes, services, plugin configs, global rules and consumer groups. */
  readonly schema: TSchema;
  /** On consumers and credentials; `schema` when absent. */
  readonly consumerSchema?: TSchema;
  /** For plugin_metadata; without one every object is accepted. */
  readonly metadataSchema?: TSchema;
  /** Rules a schema cannot say; called only with what has passed the schema. Paths are relative. */
  readonly check?: (conf: JsonObject, target: PluginTarget) => readonly Issue[];
  /** Resources a configuration points at; paths are relative to it. */
  readonly references?: (conf: JsonObject) => readonly Reference[];
  /** Dotted paths of fields to keep encrypted in the store, by schema. */
  readonly encryptFields?: Readonly<Partial<Record<PluginTarget, readonly string[]>>>;
  /**
   * The consumer field by which this auth plugin finds a consumer (`key` of key-auth); no two
   * consumers may share a value of it.
   */
  readonly uniqueField?: string;
  /**
   * The field that names a group (`group` of limit-count); configurations of one group must not differ.
   */
  readonly groupField?: string;
}

/** The plugins a gateway knows. */
export interface PluginRegistry {
  /** All plugins, highest priority first. */
  readonly plugins: readonly PluginSchema[];
  get(name: string): PluginSchema | undefined;
  /** Why a plugin that one may expect is not among them; `null` where nothing is to be said. */
  whyAbsent(name: string): string | null;
  /**
   * The compiled schema for a target; `null` for an unknown plugin and for metadata of a plugin
   * that has no metadata schema.
   */
  checker(name: string, target: PluginTarget): SchemaChecker<TSchema> | null;
}

/** Members every plugin configuration may have under `_meta`. */
export const metaSchema = Type.Object(
  {
    disable: Type.Optional(Type.Boolean()),
    error_response: Type.Optional(
      Type.Union([Type.String(), Type.Unsafe<Record<string, unknown>>(Type.Object({}))]),
    ),
    priority: Type.Optional(
      Type.Integer({
        description: "order among the plugins of one list, instead of the plugin's own",
      }),
    ),
    filter: Type.Optional(
      Type.Array(Type.Unknown(), {
        description: "expression that must hold for the plugin to run",
      }),
    ),
    pre_function: Type.Optional(
      Type.String({
        description: "Lua; kept, never run",
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * Collects plugins into a registry. Schemas are compiled when first used.
 *
 * @param absent reasons by the names of plugins that are left out.
 * @throws Error when two plugins share a name; the list is code, so this is a fault in it.
 */
export function createPluginRegistry(
  list: readonly PluginSchema[],
  absent: ReadonlyMap<string, string> = new Map(),
): PluginRegistry {
  const byName = new Map<string, PluginSchema>();
  for (const plugin of list) {
    if (byName.has(plugin.name)) throw new Error(`plugin "${plugin.name}" is registered twice`);
    byName.set(plugin.name, plugin);
  }
  const checkers = new Map<TSchema, SchemaChecker<TSchema>>();
  const compile = (schema: TSchema) => {
    let checker = checkers.get(schema);
    if (checker === undefined) {
      checker = compileSchema(withMeta(schema), { secretReferences: true });
      checkers.set(schema, checker);
    }
    return checker;
  };
  return {
    plugins: [...list].sort((a, b) => b.priority - a.priority),
    get: (name) => byName.get(name),
    whyAbsent: (name) => absent.get(name) ?? null,
    checker(name, target) {
      const plugin = byName.get(name);
      if (plugin === undefined) return null;
      const schema = schemaFor(plugin, target);
      return schema === undefined ? null : compile(schema);
    },
  };
}

/** The schema as published and checked: with `_meta` among its members. */
export function withMeta(schema: TSchema): TSchema {
  const properties: unknown = schema["properties"];
  if (schema["type"] !== "object") return schema;
  return { ...schema, properties: { ...Object(properties), _meta: metaSchema } };
}

function schemaFor(plugin: PluginSchema, target: PluginTarget): TSchema | undefined {
  if (target === "metadata") return plugin.metadataSchema;
  return target === "consumer" ? (plugin.consumerSchema ?? plugin.schema) : plugin.schema;
}
