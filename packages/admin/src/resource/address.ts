import { credentialId, formatKey, type Kind, type ResourceKey } from "@catena/schema";

/**
 * What a URL names: a kind, one resource of it or all, and for PATCH a place inside it. Parts are as
 * decoded from the path.
 */
export interface Address {
  readonly kind: Kind;
  /** The consumer of credentials, the manager of secrets. */
  readonly owner?: string;
  /** The last part of the id; absent for the collection. */
  readonly name?: string;
  /** Segments after the id. */
  readonly subPath: readonly string[];
}

/** Names that can be stored; everything else names nothing. The longest are usernames. */
const NAME = /^[a-zA-Z0-9_.-]{1,256}$/;

/** The id under which a resource is stored, unique within its kind. */
export function fullId({ kind, owner }: Address, name: string): string {
  if (kind === "credentials") return credentialId(owner ?? "", name);
  return kind === "secrets" ? `${owner ?? ""}/${name}` : name;
}

/** The store key of a name at an address, or `null` when no such key can exist. */
export function keyOf(address: Address, name: string, prefix: string): string | null {
  const parts = address.owner === undefined ? [name] : [address.owner, name];
  if (!parts.every((part) => NAME.test(part))) return null;
  const resource: ResourceKey = { kind: address.kind, id: fullId(address, name) };
  return formatKey(resource, prefix);
}
