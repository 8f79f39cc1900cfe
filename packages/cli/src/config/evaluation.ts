import type { Issue } from "@catena/errors";

/** What a worker is asked to evaluate. */
export interface EvaluationRequest {
  readonly files: readonly string[];
  /** `resources`: compile what the files export; `default`: hand over the default export of the one. */
  readonly want: "resources" | "default";
  readonly target: "catena" | "apisix";
}

/** A resource as it comes out of a worker: plain JSON. */
export interface EvaluatedResource {
  readonly kind: string;
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** `file:line:column` of its declaration, where known. */
  readonly place: string | null;
}

/** A worker's answer. */
export type EvaluationReply =
  | { readonly kind: "resources"; readonly resources: readonly EvaluatedResource[] }
  | { readonly kind: "default"; readonly value: unknown }
  | { readonly kind: "issues"; readonly issues: readonly Issue[] };
