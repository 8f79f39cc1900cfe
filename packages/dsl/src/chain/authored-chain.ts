import type { Issue, SourcePosition } from "@catena/errors";
import type { StepKind, StoredForward, StoredReply } from "@catena/ir";
import type { Link } from "../resources.ts";
import type { ChainOptions } from "./chain-options.ts";
import type { AuthoredClassic } from "./classic-call.ts";

/** What a chain's builder has gathered: data, not yet in a stored form. */
export interface AuthoredChain {
  readonly options: ChainOptions;
  /** Where `chain()` was called. */
  readonly source: SourcePosition | undefined;
  readonly steps: readonly AuthoredStep[];
  /** What the callbacks did wrong. */
  readonly issues: readonly Issue[];
}

export interface AuthoredStep {
  readonly name: string;
  readonly kind: StepKind;
  /** Where `step()` was called. */
  readonly source: SourcePosition | undefined;
  /** Set when the step was written as one of the classic form. */
  readonly classic?: AuthoredClassic;
  /** Members of the stored step; a declaration may stand where an id goes. */
  readonly stored: Readonly<Record<string, unknown>>;
  readonly undo?: AuthoredUndo;
}

export interface AuthoredUndo {
  readonly source: SourcePosition | undefined;
  readonly stored: Readonly<Record<string, unknown>>;
}

/** How a chain ends. */
export type AuthoredEnd = {
  /** Where the end was written. */
  readonly source: SourcePosition | undefined;
} & (
  | { readonly kind: "reply"; readonly stored: StoredReply }
  | {
      readonly kind: "forward";
      /** Where the request goes on to; `undefined` when the route's own fields say. */
      readonly upstream: Link<"upstreams"> | undefined;
      readonly stored: StoredForward;
    }
  | { readonly kind: "stream"; readonly step: string }
);
