import type { Issue, SourcePosition } from "@catena/errors";
import type { JsonObject, Kind } from "@catena/schema";

/** Registered, so that a config that got another copy of this package is understood all the same. */
const DECLARATION: unique symbol = Symbol.for("@catena/dsl/declaration");

/** What can run a chain: Catena, or APISIX with the Lua plugin, which knows the classic form alone. */
export type Target = "catena" | "apisix";

/**
 * A resource as a config file declares it. It may stand where the id of its kind is wanted; its own
 * id is the one it was given, or else the name it is exported by.
 */
export interface Declaration<K extends Kind = Kind> {
  readonly [DECLARATION]: true;
  readonly kind: K;
  /** As given; `undefined` to take the export's name. */
  readonly id: string | undefined;
  /** What others refer to it by when that is not its id. */
  readonly alias?: string;
  readonly source: SourcePosition | undefined;
  /** The document as far as it can be known without the ids of others. */
  document(target: Target): AuthoredDocument;
}

export interface AuthoredDocument {
  /** JSON, but for declarations that stand in the place of their ids. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly issues: readonly Issue[];
  /** Where parts of the document were written, by JSON pointer. */
  readonly positions: readonly PartPosition[];
  /** What is deployed with it though no field names it. */
  readonly needs?: readonly Declaration[];
  /** Rules of its own on the document that is stored. */
  check?(document: JsonObject): readonly Issue[];
}

export interface PartPosition {
  readonly path: string;
  readonly source: SourcePosition;
}

export function isDeclaration(value: unknown): value is Declaration {
  return typeof value === "object" && value !== null && DECLARATION in value;
}

/** Declares a resource whose document is known at once. */
export function declare<K extends Kind>(
  kind: K,
  id: string | undefined,
  fields: object,
  source: SourcePosition | undefined,
): Declaration<K> {
  const document: AuthoredDocument = { fields: { ...fields }, issues: [], positions: [] };
  return declareLater(kind, id, source, () => document);
}

/** Declares a resource whose document depends on what it is compiled for. */
export function declareLater<K extends Kind>(
  kind: K,
  id: string | undefined,
  source: SourcePosition | undefined,
  document: (target: Target) => AuthoredDocument,
): Declaration<K> {
  return Object.freeze({ [DECLARATION]: true as const, kind, id, source, document });
}
