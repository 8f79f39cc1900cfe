import type { StoredChoose } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { wrapValueFault } from "../failure.ts";
import type { Action, ResultTaker, StepRun } from "../run-context.ts";
import { SKIPPED } from "../step-result.ts";
import { type CompiledCondition, compileCondition, isMet } from "../values/condition.ts";
import { holds } from "../values/structural.ts";
import { type ActionPlace, compileAction } from "./compile-action.ts";

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
  return new ChooseAction(branches, last);
}

class ChooseAction implements Action {
  readonly #branches: readonly Branch[];
  readonly #last: Action | null;
  /** Whether a condition must be waited for. */
  readonly #waits: boolean;

  constructor(branches: readonly Branch[], last: Action | null) {
    this.#branches = branches;
    this.#last = last;
    this.#waits = branches.some(({ when }) => when.prepares.length > 0);
  }

  start(run: StepRun, taker: ResultTaker): void {
    if (this.#waits) {
      void this.#startLater(run, taker);
      return;
    }
    let chosen = this.#last;
    try {
      for (const { when, action } of this.#branches) {
        if (!holds(when.value, run.scope)) continue;
        chosen = action;
        break;
      }
    } catch (error) {
      taker.fail(wrapValueFault(error, run.label, "a condition"));
      return;
    }
    begin(chosen, run, taker);
  }

  async #startLater(run: StepRun, taker: ResultTaker): Promise<void> {
    let chosen = this.#last;
    try {
      for (const { when, action } of this.#branches) {
        if (!(await isMet(when, run.scope))) continue;
        chosen = action;
        break;
      }
    } catch (error) {
      taker.fail(wrapValueFault(error, run.label, "a condition"));
      return;
    }
    begin(chosen, run, taker);
  }
}

function begin(chosen: Action | null, run: StepRun, taker: ResultTaker): void {
  if (chosen === null) taker.take(SKIPPED);
  else chosen.start(run, taker);
}
