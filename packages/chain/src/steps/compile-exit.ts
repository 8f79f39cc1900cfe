import type { StoredExit } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { compileReply } from "../ends/compile-reply.ts";
import type { Action } from "../run-context.ts";
import { StepResult } from "../step-result.ts";
import { ComputedAction } from "./computed-action.ts";

/** A step that answers the client and ends the chain. */
export function compileExit(stored: StoredExit, path: string, context: CompileContext): Action {
  const reply = compileReply(stored, path, context);
  return new ComputedAction(
    async (run) => new StepResult("exit", null, null, await reply.render(run.scope, run.label)),
  );
}
