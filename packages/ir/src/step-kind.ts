import { isSafeMethod } from "./chain-limits.ts";
import type { StoredAction, StoredCall, StoredStep } from "./stored-chain.ts";

export const STEP_KINDS = ["call", "each", "choose", "value", "sub", "exit"] as const;

export type StepKind = (typeof STEP_KINDS)[number];

/** What a step does; `null` when it says none or more than one thing. */
export function stepKind(step: StoredStep): StepKind | null {
  const [kind, ...others] = STEP_KINDS.filter((name) => step[name] !== undefined);
  return kind === undefined || others.length > 0 ? null : kind;
}

/** Everything a step may do: itself, the inside of an `each`, the branches of a `choose`. */
function actionsOf(step: StoredStep): readonly StoredAction[] {
  if (step.each !== undefined) return [step.each.do];
  if (step.choose === undefined) return [step];
  const { branches, otherwise } = step.choose;
  return otherwise === undefined ? branches : [...branches, otherwise];
}

/** Every call a step may make, undo apart. */
export function callsOf(step: StoredStep): readonly StoredCall[] {
  return actionsOf(step).flatMap(({ call }) => (call === undefined ? [] : [call]));
}

/**
 * Whether a step only reads: every call it may make has a safe method. Another chain may do anything,
 * so a step with `sub` does not count as safe.
 */
export function isSafeStep(step: StoredStep): boolean {
  return actionsOf(step).every(
    ({ call, sub }) => sub === undefined && (call === undefined || isSafeMethod(call.method)),
  );
}
