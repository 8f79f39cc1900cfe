import { collectHeads, type PlannedStep, type StoredStep } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import type { CompiledStep, EachPrecheck } from "../compiled-chain.ts";
import { compileOnError } from "../policies/on-error.ts";
import type { Action, Guard } from "../run-context.ts";
import { compileUndo } from "../saga/compile-undo.ts";
import { type CompiledCondition, compileCondition } from "../values/condition.ts";
import { type ActionPlace, compileAction } from "./compile-action.ts";
import { compileChoose } from "./compile-choose.ts";
import { compileEach } from "./compile-each.ts";
import { compileExit } from "./compile-exit.ts";

/** Compiles one step with its policies. `null` after an issue. */
export function compileStep(
  planned: PlannedStep,
  dependants: readonly number[],
  isStreamed: boolean,
  context: CompileContext,
): CompiledStep | null {
  const { step, index, name } = planned;
  const { values } = context;
  const path = `/steps/${index}`;
  const when = step.when === undefined ? null : compileCondition(step.when, `${path}/when`, values);
  const guard: Guard = step.undo !== undefined ? "protected" : planned.isSafe ? "safe" : "unsafe";
  const action = compileKind(step, index, path, isStreamed, guard, context);
  const onError = compileOnError(step.on_error, `${path}/on_error`, context);
  const undo =
    step.undo === undefined ? null : compileUndo(step.undo, name, `${path}/undo`, context);
  if (action === null) return null;
  const precheck = compilePrecheck(step, path, when, context);
  return { name, index, dependants, guard, when, action, onError, undo, precheck };
}

function compileKind(
  step: StoredStep,
  index: number,
  path: string,
  isStreamed: boolean,
  guard: Guard,
  context: CompileContext,
): Action | null {
  const { looksInto, passes, readsMembers } = context.values;
  const place: ActionPlace = {
    looksInto: () => looksInto.has(index),
    readsMembers: () => readsMembers.has(index),
    buffered: !isStreamed,
    step,
  };
  if (step.exit !== undefined) return compileExit(step.exit, `${path}/exit`, context);
  if (step.choose !== undefined)
    return compileChoose(step.choose, `${path}/choose`, context, place);
  if (step.each === undefined) return compileAction(step, path, context, place);
  // An array of results has no bytes of its own to pass on.
  const isUsed = (): boolean => looksInto.has(index) || passes.has(index);
  return compileEach(
    step.each,
    `${path}/each`,
    context,
    { ...place, step: null, looksInto: isUsed, readsMembers: () => false },
    guard,
  );
}

/** The number of items can be told before the first step when it depends on the request alone. */
function compilePrecheck(
  step: StoredStep,
  path: string,
  when: CompiledCondition | null,
  context: CompileContext,
): EachPrecheck | null {
  const { each } = step;
  if (each === undefined) return null;
  const heads = new Set<string>();
  collectHeads(each.in, heads);
  if (!heads.has("input")) return null;
  if (step.when !== undefined) collectHeads(step.when, heads);
  if (heads.size !== 1 || (when !== null && when.prepares.length > 0)) return null;
  const items = context.values.compile(each.in, `${path}/each/in`);
  if (context.values.takePrepares().length > 0) return null;
  return { when: when?.value ?? null, items, max: each.max ?? context.limits.eachItems };
}
