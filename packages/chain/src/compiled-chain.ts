import type { ChainClock } from "./clock.ts";
import type { CompiledForward } from "./ends/compile-forward.ts";
import type { CompiledReply } from "./ends/compile-reply.ts";
import type { CompiledInput } from "./input/compile-input.ts";
import type { ChainLimits } from "./limits.ts";
import type { ErrorRule } from "./policies/on-error.ts";
import type { Action, Guard } from "./run-context.ts";
import type { CompiledUndo } from "./saga/compile-undo.ts";
import type { UndoServices } from "./saga/undo-services.ts";
import type { CompiledValue } from "./values/compiled-value.ts";
import type { CompiledCondition } from "./values/condition.ts";

/** A step chain made ready for one snapshot; immutable and shared by all its requests. */
export interface CompiledChain {
  readonly id: string;
  /** In authored order. */
  readonly steps: readonly CompiledStep[];
  /** How many steps each step waits for, by its index. */
  readonly waitCounts: number[];
  /** Whether no step waits for another. */
  readonly isFlat: boolean;
  readonly deadlineMs: number;
  readonly limits: ChainLimits;
  /** Whether the client is told how long each step took. */
  readonly serverTiming: boolean;
  readonly onClientGone: "safe" | "abort" | "finish";
  readonly input: CompiledInput;
  readonly end: ChainEnd;
  readonly clock: ChainClock;
  readonly random: () => number;
  /** `null` only when no step has an undo. */
  readonly undo: UndoServices | null;
}

export type ChainEnd =
  | { readonly kind: "reply"; readonly reply: CompiledReply }
  | { readonly kind: "forward"; readonly forward: CompiledForward }
  | { readonly kind: "stream"; readonly step: number };

export interface CompiledStep {
  readonly name: string;
  readonly index: number;
  /** Steps that wait for this one. */
  readonly dependants: readonly number[];
  readonly guard: Guard;
  readonly when: CompiledCondition | null;
  readonly action: Action;
  readonly onError: ErrorRule;
  readonly undo: CompiledUndo | null;
  /** Refuses a request before its first call when that can be told from the request alone. */
  readonly precheck: EachPrecheck | null;
}

export interface EachPrecheck {
  /** `null`: always. */
  readonly when: CompiledValue | null;
  readonly items: CompiledValue;
  readonly max: number;
}
