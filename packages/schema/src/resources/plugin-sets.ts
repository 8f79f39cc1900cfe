import { type Static, Type } from "@sinclair/typebox";
import {
  descSchema,
  idSchema,
  labelsSchema,
  nameSchema,
  openObject,
  pluginsSchema,
  timestampSchema,
} from "./shared-fields.ts";

/** Plugins that consumers share (apisix/schema_def.lua, consumer_group). */
export const consumerGroupSchema = Type.Object(
  {
    id: idSchema,
    name: Type.Optional(nameSchema),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    plugins: pluginsSchema,
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type ConsumerGroup = Static<typeof consumerGroupSchema>;

/** Plugins that routes share (apisix/schema_def.lua, plugin_config); its name has no limits. */
export const pluginConfigSchema = Type.Object(
  {
    id: idSchema,
    name: Type.Optional(Type.String()),
    desc: Type.Optional(descSchema),
    labels: Type.Optional(labelsSchema),
    plugins: pluginsSchema,
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type PluginConfig = Static<typeof pluginConfigSchema>;

/** Plugins for every request, matched or not (apisix/schema_def.lua, global_rule). */
export const globalRuleSchema = Type.Object(
  {
    id: idSchema,
    plugins: pluginsSchema,
    create_time: Type.Optional(timestampSchema),
    update_time: Type.Optional(timestampSchema),
  },
  { additionalProperties: false },
);

export type GlobalRule = Static<typeof globalRuleSchema>;

/** Settings of one plugin for all its uses; what they may be is the plugin's to say. */
export const pluginMetadataSchema = openObject();

export type PluginMetadata = Static<typeof pluginMetadataSchema>;
