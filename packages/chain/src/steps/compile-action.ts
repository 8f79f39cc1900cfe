import type { StoredAction, StoredItemPolicies, StoredStep } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import type { Action } from "../run-context.ts";
import { callAction, compileCall } from "./compile-call.ts";
import { compileSubAction } from "./compile-sub.ts";
import { compileValueAction } from "./compile-value-action.ts";

/** Where an action stands, as far as that changes what is compiled. */
export interface ActionPlace {
  /** Whether anyone looks into the result; decided when the whole chain is compiled. */
  readonly looksInto: () => boolean;
  /** Whether anyone reads single members of it; decided then, too. */
  readonly readsMembers: () => boolean;
  /** `false` only for the step whose response a chain streams. */
  readonly buffered: boolean;
  /** The step itself, whose policies on sending count; `null` for branches, items and undo calls. */
  readonly step: StoredStep | null;
}

/** Compiles what a step, a branch or an item does. `null` after an issue. */
export function compileAction(
  action: StoredAction & StoredItemPolicies,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): Action | null {
  if (action.call !== undefined) {
    const call = compileCall(action.call, action, path, context, place);
    return call === null ? null : callAction(call, path, context, place.step);
  }
  if (action.sub !== undefined)
    return compileSubAction(action.sub, action.timeout, `${path}/sub`, context, place);
  return compileValueAction(action.value ?? null, `${path}/value`, context);
}
