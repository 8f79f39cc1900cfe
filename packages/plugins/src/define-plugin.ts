import type { Checked, Issue } from "@catena/errors";
import type { PluginHandlers, PluginServices } from "@catena/pipeline";
import type { JsonObject, PluginSchema } from "@catena/schema";
import type { Static, TSchema } from "@sinclair/typebox";

/** A plugin as the gateway uses it: what it accepts, and how handlers are made from that. */
export interface PluginEntry {
  readonly schema: PluginSchema;
  /**
   * Makes the handlers of one configuration, once per route and snapshot; free of side effects.
   * Issues mean that the configuration can't run (a reference that is missing, say).
   */
  create(conf: unknown, services: PluginServices): Checked<PluginHandlers>;
}

/** A plugin as its file writes it. */
export interface PluginDefinition<S extends TSchema> extends Omit<PluginSchema, "check"> {
  readonly schema: S;
  /** Rules the schema cannot say, for configurations that have passed it; paths are relative. */
  readonly check?: (conf: Static<S>) => readonly Issue[];
  /** As {@link check}, for what consumers and credentials hold. */
  readonly checkConsumer?: (conf: JsonObject) => readonly Issue[];
  create(conf: Static<S>, services: PluginServices): Checked<PluginHandlers>;
}

/**
 * Defines a plugin: its APISIX name and priority, its schema, and the factory of its handlers.
 *
 * @example
 * export const echo = definePlugin({
 *   name: "echo", priority: 412, schema: Type.Object({ body: Type.String() }),
 *   create: (conf) => ({ value: { access: () => textReply(200, conf.body) }, issues: [] }),
 * });
 */
export function definePlugin<S extends TSchema>(definition: PluginDefinition<S>): PluginEntry {
  const { check, checkConsumer, create, ...schema } = definition;
  return {
    // Both casts: the registry calls check and create only with what has passed the schema.
    schema: {
      ...schema,
      check: (conf, target) => {
        if (target === "plugin") return check?.(conf as Static<S>) ?? [];
        return target === "consumer" ? (checkConsumer?.(conf) ?? []) : [];
      },
    },
    create: (conf, services) => create(conf as Static<S>, services),
  };
}
