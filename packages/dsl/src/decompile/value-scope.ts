import type { StoredValue } from "@catena/ir";
import type { Doc } from "./doc.ts";
import type { SourceKind } from "./operator-helpers.ts";

/**
 * Constants of upstreams that are declared too, by id. An id that is a number is looked up in vain: the
 * constant would be stored as a text.
 */
export type UpstreamConstants = ReadonlyMap<unknown, Doc>;

/** An expression, and what TypeScript takes it for. */
export interface Printed {
  readonly doc: Doc;
  readonly kind: SourceKind;
}

/** What is known where a value stands. */
export interface ValueScope {
  /** Steps that can be referred to, and what each is for TypeScript. */
  readonly steps: ReadonlyMap<string, StepSource>;
  /** Names the route's paths capture. */
  readonly params: ReadonlySet<string>;
}

/** What a step's result is for TypeScript; a value that is written out is looked into. */
export type StepSource =
  | { readonly kind: SourceKind }
  | { readonly kind: "written"; readonly value: StoredValue };
