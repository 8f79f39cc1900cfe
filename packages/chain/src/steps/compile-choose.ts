import type { StoredChoose } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { wrapValueFault } from "../failure.ts";
import type { Action, StepRun } from "../run-context.ts";
import { SKIPPED } from "../step-result.ts";
import { type CompiledCondition, compileCondition, isMet } from "../values/condition.ts";
import { type ActionPlace, compileAction } from "./compile-action.ts";
import { ComputedAction, perform } from "./computed-action.ts";

interface Branch {
  readonly when: CompiledCondition;
  readonly action: Action;
}

/** A step that does what the first branch whose condition holds does. `null` after an issue. */
export function compileChoose(
  stored: StoredChoose,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): Action | null {
  const branches: Branch[] = [];
  for (const [i, branch] of stored.branches.entries()) {
    const at = `${path}/branches/${i}`;
    const when = compileCondition(branch.when, `${at}/when`, context.values);
    const action = compileAction(branch, at, context, place);
    if (action !== null) branches.push({ when, action });
  }
  const { otherwise } = stored;
  const last =
    otherwise === undefined ? null : compileAction(otherwise, `${path}/otherwise`, context, place);
  if (branches.length < stored.branches.length || (otherwise !== undefined && last === null))
    return null;
  return new ComputedAction(async (run) => {
    const action = (await firstMet(branches, run)) ?? last;
    return action === null ? SKIPPED : await perform(action, run);
  });
}

async function firstMet(branches: readonly Branch[], run: StepRun): Promise<Action | null> {
  try {
    for (const { when, action } of branches) if (await isMet(when, run.scope)) return action;
    return null;
  } catch (error) {
    throw wrapValueFault(error, run.label, "a condition");
  }
}
