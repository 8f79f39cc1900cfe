import type { Kind } from "@catena/schema";
import type { Address } from "./resource/address.ts";

/** A path under the Admin API's base, with `:parameters` as Elysia writes them. */
export interface ResourcePath {
  readonly path: string;
  /** The parameter that is the owner, and the one that is the name, where the path has one. */
  readonly owner?: string;
  readonly name?: string;
}

/** The paths of a kind: the collection, one resource, and what may follow one (PATCH's sub-path). */
export function pathsOf(kind: Kind): readonly ResourcePath[] {
  switch (kind) {
    case "credentials": {
      const collection = { path: "/consumers/:username/credentials", owner: "username" };
      return [collection, ...one(collection, "id")];
    }
    case "secrets": {
      const manager = { path: "/secrets/:manager", owner: "manager" };
      return [{ path: "/secrets" }, manager, ...one(manager, "id")];
    }
    case "consumers":
      return plain(kind, "username");
    case "plugin_metadata":
      return plain(kind, "plugin");
    default:
      return plain(kind, "id");
  }
}

/** Parameters as Elysia gives them: one whose percent-encoding is broken is null. */
export function toAddress(
  kind: Kind,
  { owner, name }: ResourcePath,
  params: Readonly<Record<string, string | null | undefined>>,
): Address {
  return {
    kind,
    ...(owner === undefined ? {} : { owner: params[owner] ?? BROKEN }),
    ...(name === undefined ? {} : { name: params[name] ?? BROKEN }),
    subPath: (params["*"] ?? "")
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeSegment),
  };
}

/** What follows an id comes undecoded. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Names nothing that could be stored. */
const BROKEN = "%";

function plain(kind: Kind, name: string): readonly ResourcePath[] {
  const collection = { path: `/${kind}` };
  return [collection, ...one(collection, name)];
}

function one(collection: ResourcePath, name: string): readonly ResourcePath[] {
  const path = `${collection.path}/:${name}`;
  return [
    { ...collection, path, name },
    { ...collection, path: `${path}/*`, name },
  ];
}
