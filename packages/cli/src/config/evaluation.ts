import type { CompiledResource } from "@catena/dsl";
import type { Issue, SourcePosition } from "@catena/errors";

/** What a worker is asked to do with what files export. */
export type EvaluationRequest = {
  readonly files: readonly string[];
} & (
  | { readonly want: "resources"; readonly target: "catena" | "apisix" }
  /** The default export of the only file. */
  | { readonly want: "default" }
  /** Running the chain cases that the only file exports; of these, those whose name has `only` in it. */
  | { readonly want: "cases"; readonly only?: string | undefined }
);

/** A worker's answer; all of it is plain data. */
export type EvaluationReply = EvaluationOutcome & {
  /** Absolute paths of the modules that were loaded, what configs import included. */
  readonly loaded: readonly string[];
};

export type EvaluationOutcome =
  | { readonly kind: "resources"; readonly resources: readonly CompiledResource[] }
  | { readonly kind: "default"; readonly value: unknown }
  | { readonly kind: "cases"; readonly cases: readonly RunCase[] }
  | { readonly kind: "issues"; readonly issues: readonly Issue[] };

/** How one case of a test file went. */
export interface RunCase {
  /** The export that holds it. */
  readonly group: string;
  /** Empty when none of the group could be run. */
  readonly name: string;
  readonly durationMs: number;
  readonly failures: readonly RunFailure[];
  /** The run in words; `null` where there was none. */
  readonly happened: string | null;
}

export interface RunFailure {
  /** Which part of the case says so, as `["expect", "status"]`. */
  readonly at: readonly string[];
  readonly message: string;
  readonly differences: readonly {
    readonly path: string;
    readonly expected: unknown;
    readonly found: unknown;
  }[];
  /** Of what user code threw; elsewhere its place is where `at` stands in the file. */
  readonly thrownAt: SourcePosition | null;
}
