import type { CompiledResource } from "@catena/dsl";
import type { Issue } from "@catena/errors";

/** What a worker is asked to evaluate. */
export interface EvaluationRequest {
  readonly files: readonly string[];
  /** `resources`: compile what the files export; `default`: hand over the default export of the one. */
  readonly want: "resources" | "default";
  readonly target: "catena" | "apisix";
}

/** A worker's answer; resources are plain JSON. */
export type EvaluationReply = EvaluationOutcome & {
  /** Absolute paths of the modules that were loaded, what configs import included. */
  readonly loaded: readonly string[];
};

export type EvaluationOutcome =
  | { readonly kind: "resources"; readonly resources: readonly CompiledResource[] }
  | { readonly kind: "default"; readonly value: unknown }
  | { readonly kind: "issues"; readonly issues: readonly Issue[] };
