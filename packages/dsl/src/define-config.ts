import type { Kind } from "@catena/schema";
import type { Declaration } from "./declaration.ts";

/** Resources of one kind: a list, or by name; a name is the id of what was given none. */
export type Group<K extends Kind> =
  | readonly Declaration<K>[]
  | Readonly<Record<string, Declaration<K>>>;

/** Resources by kind. */
export type Config = { readonly [K in Kind]?: Group<K> };

/**
 * Checks the types of a config that lists its resources in one place; it returns what it was given.
 * A config file needs it only when it does not export each resource by its own name. All of these
 * are config files:
 *
 * ```ts
 * // Named exports: the id of each is its explicit one, or else its export's name.
 * export const checkout = route({ uri: "/checkout", upstream_id: orders });
 *
 * // A default export: a resource, a list of them, or defineConfig.
 * export default defineConfig({ routes: { checkout }, upstreams: [orders] });
 * ```
 *
 * What an exported resource refers to (`upstream_id: orders`) is deployed with it, exported or not;
 * exports that are no resources (schemas, functions, texts) are left alone.
 */
export function defineConfig(config: Config): Config {
  return config;
}
