import {
  credentialId,
  type Kind,
  type PluginConfs,
  type ResourceOf,
  type SecretManager,
} from "@catena/schema";
import { type Declaration, declare, declareLater } from "./declaration.ts";
import { callerPosition } from "./source-position.ts";

type Readable<T> = T extends readonly (infer E)[]
  ? readonly Readable<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Readable<T[K]> }
    : T;

/** Fields that name another resource, by the kind they name. */
interface Links {
  readonly upstream_id: "upstreams";
  readonly service_id: "services";
  readonly plugin_config_id: "plugin_configs";
  readonly group_id: "consumer_groups";
}

/** An id, or the declaration that has it. */
export type Link<K extends Kind> = string | number | Declaration<K>;

/** The builder gives the id, the store the times. */
type Given = "id" | "create_time" | "update_time";

/** Plugin name to configuration; a declaration may stand where a configuration takes an id. */
export type AuthoredPlugins = Readonly<
  Record<keyof PluginConfs, Readonly<Record<string, unknown>>>
>;

/**
 * The fields of a kind as APISIX names them (snake_case), where `upstream_id` and its like take an
 * id or a declaration.
 */
export type Fields<K extends Kind> = {
  readonly [F in keyof ResourceOf<K> as Exclude<F, Given>]: F extends keyof Links
    ? Link<Links[F]>
    : F extends "plugins"
      ? AuthoredPlugins
      : Readable<ResourceOf<K>[F]>;
};

export type RouteFields = Fields<"routes">;
export type ServiceFields = Fields<"services">;
export type UpstreamFields = Fields<"upstreams">;
export type ConsumerFields = Omit<Fields<"consumers">, "username">;
export type PluginConfigFields = Fields<"plugin_configs">;

/**
 * Declares a route: which requests, and what becomes of them.
 *
 * @param id letters, digits, `-`, `_`, `.`; without it, the name the route is exported by.
 *
 * @example
 * const orders = upstream({ nodes: { "orders:80": 1 } });
 * export const listOrders = route({ uri: "/orders", methods: ["GET"], upstream_id: orders });
 */
export function route(id: string, fields: RouteFields): Declaration<"routes">;
export function route(fields: RouteFields): Declaration<"routes">;
export function route(...args: Args<RouteFields>): Declaration<"routes"> {
  const source = callerPosition(route);
  return declareArgs("routes", args, source);
}

/**
 * Declares an upstream: nodes, and how to reach them. Nodes are `{ "host:port": weight }` or a list
 * of `{ host, port, weight }`.
 *
 * @param id without it, the name the upstream is exported by.
 */
export function upstream(id: string, fields: UpstreamFields): Declaration<"upstreams">;
export function upstream(fields: UpstreamFields): Declaration<"upstreams">;
export function upstream(...args: Args<UpstreamFields>): Declaration<"upstreams"> {
  const source = callerPosition(upstream);
  return declareArgs("upstreams", args, source);
}

/**
 * Declares a consumer: who calls, and the plugins for their calls.
 *
 * @param username the consumer's id too.
 */
export function consumer(username: string, fields: ConsumerFields): Declaration<"consumers"> {
  const source = callerPosition(consumer);
  return declare("consumers", username, { username, ...fields }, source);
}

/** Declares plugins that routes share, used as `plugin_config_id`. */
export function pluginConfig(id: string, fields: PluginConfigFields): Declaration<"plugin_configs">;
export function pluginConfig(fields: PluginConfigFields): Declaration<"plugin_configs">;
export function pluginConfig(...args: Args<PluginConfigFields>): Declaration<"plugin_configs"> {
  const source = callerPosition(pluginConfig);
  return declareArgs("plugin_configs", args, source);
}

/** Declares plugins that consumers share, used as `group_id`. */
export function consumerGroup(
  id: string,
  fields: Fields<"consumer_groups">,
): Declaration<"consumer_groups"> {
  const source = callerPosition(consumerGroup);
  return declare("consumer_groups", id, fields, source);
}

/** Declares one way for a consumer to identify itself: exactly one auth plugin. */
export function credential(
  owner: string | Declaration<"consumers">,
  id: string,
  fields: Fields<"credentials">,
): Declaration<"credentials"> {
  const source = callerPosition(credential);
  const needs = typeof owner === "string" ? [] : [owner];
  const username = typeof owner === "string" ? owner : (owner.id ?? "");
  return declareLater("credentials", credentialId(username, id), source, () => ({
    fields: { ...fields },
    issues: [],
    positions: [],
    needs,
  }));
}

/** Declares plugins for every request. */
export function globalRule(
  id: string,
  fields: Fields<"global_rules">,
): Declaration<"global_rules"> {
  const source = callerPosition(globalRule);
  return declare("global_rules", id, fields, source);
}

/** Declares settings of one plugin for all its uses. */
export function pluginMetadata(
  plugin: string,
  fields: Readonly<Record<string, unknown>>,
): Declaration<"plugin_metadata"> {
  const source = callerPosition(pluginMetadata);
  return declare("plugin_metadata", plugin, fields, source);
}

/** Declares a certificate, for the names in its `snis`. */
export function ssl(id: string, fields: Fields<"ssls">): Declaration<"ssls"> {
  const source = callerPosition(ssl);
  return declare("ssls", id, fields, source);
}

/** Declares where secrets are kept, for `$secret://manager/id/…` in plugin configurations. */
export function secret(
  manager: SecretManager,
  id: string,
  fields: Readonly<Record<string, unknown>>,
): Declaration<"secrets"> {
  const source = callerPosition(secret);
  return declare("secrets", `${manager}/${id}`, fields, source);
}

/** Declares a protocol buffer definition, for grpc-transcode. */
export function proto(id: string, fields: Fields<"protos">): Declaration<"protos"> {
  const source = callerPosition(proto);
  return declare("protos", id, fields, source);
}

/** Declares a route for TCP and UDP. */
export function streamRoute(
  id: string,
  fields: Fields<"stream_routes">,
): Declaration<"stream_routes"> {
  const source = callerPosition(streamRoute);
  return declare("stream_routes", id, fields, source);
}

/** The arguments of a builder whose id may be left out. */
export type Args<F> = readonly [id: string, fields: F] | readonly [fields: F];

export function declareArgs<K extends Kind>(
  kind: K,
  args: Args<object>,
  source: Declaration["source"],
): Declaration<K> {
  const [id, fields] = args.length === 1 ? [undefined, args[0]] : args;
  return declare(kind, id, fields, source);
}
