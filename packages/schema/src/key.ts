import { isKind, type Kind } from "./kinds.ts";

/** Directory of all resources unless configured otherwise, as in APISIX. */
export const DEFAULT_PREFIX = "/apisix";

/**
 * Names a resource: its kind, and an id that is unique within the kind. Ids of credentials are
 * `USERNAME/credentials/ID`, those of secrets `MANAGER/ID`, as in their keys.
 */
export interface ResourceKey {
  readonly kind: Kind;
  readonly id: string;
}

export type ParsedKey =
  | ({ readonly type: "resource" } & ResourceKey)
  /** `/apisix/routes/`, written by `apisix init_etcd` with the value `init_dir`; means nothing. */
  | { readonly type: "placeholder"; readonly kind: Kind }
  /** A key of something else that lives under the prefix. */
  | { readonly type: "other" };

const OTHER: ParsedKey = { type: "other" };

/**
 * Reads a store key. Never fails: keys that are none of ours are `other`.
 *
 * @example parseKey("/apisix/routes/1") // { type: "resource", kind: "routes", id: "1" }
 */
export function parseKey(key: string, prefix = DEFAULT_PREFIX): ParsedKey {
  if (!key.startsWith(`${prefix}/`)) return OTHER;
  const [directory = "", ...rest] = key.slice(prefix.length + 1).split("/");
  if (!isKind(directory) || directory === "credentials" || rest.length === 0) return OTHER;
  if (rest.length === 1 && rest[0] === "") return { type: "placeholder", kind: directory };
  if (rest.includes("")) return OTHER;
  const id = rest.join("/");
  if (directory === "secrets") return rest.length === 2 ? resource("secrets", id) : OTHER;
  if (directory === "consumers" && rest.length === 3 && rest[1] === "credentials") {
    return resource("credentials", id);
  }
  return rest.length === 1 ? resource(directory, id) : OTHER;
}

/** Writes the store key of a resource; the inverse of {@link parseKey}. */
export function formatKey({ kind, id }: ResourceKey, prefix = DEFAULT_PREFIX): string {
  return `${prefix}/${kind === "credentials" ? "consumers" : kind}/${id}`;
}

/** The prefix under which all resources of a kind are; `consumers` holds the credentials too. */
export function kindPrefix(kind: Kind, prefix = DEFAULT_PREFIX): string {
  return `${prefix}/${kind === "credentials" ? "consumers" : kind}/`;
}

/** Names a resource in messages and logs: `routes/checkout`. */
export function formatName({ kind, id }: ResourceKey): string {
  return kind === "credentials" ? `consumers/${id}` : `${kind}/${id}`;
}

/** The id of the credential `id` of a consumer, unique among all credentials. */
export function credentialId(username: string, id: string): string {
  return `${username}/credentials/${id}`;
}

/** The two names in a credential's unique id, or `null` when it has another form. */
export function splitCredentialId(
  id: string,
): { readonly username: string; readonly credential: string } | null {
  const [username, middle, credential, more] = id.split("/");
  if (username === undefined || middle !== "credentials" || credential === undefined) return null;
  return more === undefined ? { username, credential } : null;
}

function resource(kind: Kind, id: string): ParsedKey {
  return { type: "resource", kind, id };
}
