import type { GatewayError } from "@catena/errors";
import type { OnError } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { isFatal } from "../failure.ts";
import type { StepRun } from "../run-context.ts";
import { SKIPPED, type StepResult } from "../step-result.ts";
import { type CompiledFallback, compileFallback } from "./fallback.ts";

/** What becomes of a failure. */
export type ErrorRule =
  | { readonly kind: "fail" | "skip" }
  | { readonly kind: "fallback"; readonly fallback: CompiledFallback };

export function compileOnError(
  stored: OnError | undefined,
  path: string,
  context: CompileContext,
): ErrorRule {
  if (stored === undefined || stored === "fail") return { kind: "fail" };
  if (stored === "skip") return { kind: "skip" };
  return {
    kind: "fallback",
    fallback: compileFallback(stored.fallback, `${path}/fallback`, context),
  };
}

/**
 * The result that stands in for a failed one.
 *
 * @throws the failure itself when the rule is to fail, or nothing can stand in for it.
 */
export async function standIn(
  rule: ErrorRule,
  failure: GatewayError,
  run: StepRun,
): Promise<StepResult> {
  if (rule.kind === "fail" || isFatal(failure)) throw failure;
  if (run.trace !== null) run.trace.reason = failure.code;
  return rule.kind === "fallback" ? await rule.fallback(run, null) : SKIPPED;
}
