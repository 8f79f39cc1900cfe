import type { TargetResolver } from "@catena/pipeline";
import type { ChainLimits } from "./limits.ts";
import type { CompiledSub } from "./steps/compile-sub.ts";
import type { SurvivingState } from "./surviving-state.ts";
import type { Taint } from "./trace/taint.ts";
import type { ValueContext } from "./values/value-context.ts";

/** What compiling the parts of one chain needs. */
export interface CompileContext {
  readonly chainId: string;
  readonly values: ValueContext;
  readonly targets: TargetResolver;
  readonly limits: ChainLimits;
  /** Another chain, compiled once per snapshot; `null` when it cannot be used, after an issue. */
  sub(id: string, path: string): CompiledSub | null;
  readonly state: SurvivingState;
  /** What a trace must not show. */
  readonly taint: Taint;
}
