import type { Static, TSchema } from "@sinclair/typebox";
import { consumerSchema } from "./resources/consumer.ts";
import { credentialSchema } from "./resources/credential.ts";
import {
  consumerGroupSchema,
  globalRuleSchema,
  pluginConfigSchema,
  pluginMetadataSchema,
} from "./resources/plugin-sets.ts";
import { protoSchema } from "./resources/proto.ts";
import { routeSchema } from "./resources/route.ts";
import { secretSchema } from "./resources/secret.ts";
import { serviceSchema } from "./resources/service.ts";
import { sslSchema } from "./resources/ssl.ts";
import { streamRouteSchema } from "./resources/stream-route.ts";
import { upstreamSchema } from "./resources/upstream.ts";

/** Methods the Admin API offers on a kind beside GET, PUT and DELETE, which all have. */
export type AdminMethod = "POST" | "PATCH";

/** What is to know about a kind of resource. */
export interface KindInfo<T extends TSchema> {
  readonly schema: T;
  /** The kind in messages: `missing plugin config id`. */
  readonly label: string;
  /** The kind in `GET /schema/NAME` of the Admin API. */
  readonly schemaName: string;
  /** Kinds a resource of this kind may point at, itself left out; deploy order follows from it. */
  readonly references: readonly string[];
  readonly adminMethods: readonly AdminMethod[];
  /** Whether create_time and update_time are stored (all kinds but plugin_metadata). */
  readonly hasTimes: boolean;
  /** Whether the stored object carries its id (all kinds but consumers). */
  readonly hasId: boolean;
}

const BOTH: readonly AdminMethod[] = ["POST", "PATCH"];

/**
 * THE table of resource kinds; everything that goes over kinds goes over this. The key is the name
 * of the directory in the store. A new kind is one entry here.
 */
export const kinds = {
  consumer_groups: defineKind(consumerGroupSchema, "consumer group", "consumer_group", {
    references: ["upstreams", "protos"],
    adminMethods: ["PATCH"],
  }),
  consumers: defineKind(consumerSchema, "consumer", "consumer", {
    references: ["consumer_groups", "upstreams", "protos"],
    adminMethods: [],
    hasId: false,
  }),
  credentials: defineKind(credentialSchema, "credential", "credential", {
    references: ["consumers"],
    adminMethods: [],
  }),
  global_rules: defineKind(globalRuleSchema, "global rule", "global_rule", {
    references: ["upstreams", "protos"],
    adminMethods: ["PATCH"],
  }),
  plugin_configs: defineKind(pluginConfigSchema, "plugin config", "plugin_config", {
    references: ["upstreams", "protos"],
    adminMethods: ["PATCH"],
  }),
  plugin_metadata: defineKind(pluginMetadataSchema, "plugin_metadata", "plugin_metadata", {
    references: [],
    adminMethods: [],
    hasTimes: false,
  }),
  protos: defineKind(protoSchema, "proto", "proto", { references: [], adminMethods: ["POST"] }),
  routes: defineKind(routeSchema, "route", "route", {
    references: ["services", "upstreams", "plugin_configs", "protos", "ssls"],
    adminMethods: BOTH,
  }),
  secrets: defineKind(secretSchema, "secret", "secret", {
    references: [],
    adminMethods: ["PATCH"],
  }),
  services: defineKind(serviceSchema, "service", "service", {
    references: ["upstreams", "protos", "ssls"],
    adminMethods: BOTH,
  }),
  ssls: defineKind(sslSchema, "ssl", "ssl", { references: [], adminMethods: BOTH }),
  stream_routes: defineKind(streamRouteSchema, "stream route", "stream_route", {
    references: ["services", "upstreams", "ssls"],
    adminMethods: ["POST"],
  }),
  upstreams: defineKind(upstreamSchema, "upstream", "upstream", {
    references: ["ssls"],
    adminMethods: BOTH,
  }),
};

/** Name of a kind, plural as in the store: `routes`, `plugin_configs`, … */
export type Kind = keyof typeof kinds;

/** The document a kind's resources are. */
export type ResourceOf<K extends Kind> = Static<(typeof kinds)[K]["schema"]>;

/** Any resource document. */
export type Resource = ResourceOf<Kind>;

/** Every kind, in alphabetical order. */
export const kindNames: readonly Kind[] = Object.keys(kinds).filter(isKind);

export function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name);
}

function defineKind<T extends TSchema>(
  schema: T,
  label: string,
  schemaName: string,
  more: Pick<KindInfo<T>, "references" | "adminMethods"> &
    Partial<Pick<KindInfo<T>, "hasTimes" | "hasId">>,
): KindInfo<T> {
  return { schema, label, schemaName, hasTimes: true, hasId: true, ...more };
}
