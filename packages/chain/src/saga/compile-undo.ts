import { collectHeads, type StoredUndo, valuesOfCall } from "@catena/ir";
import type { CompileContext } from "../compile-context.ts";
import { type CompiledCall, compileCall } from "../steps/compile-call.ts";

/** The call that takes back what a step did. */
export interface CompiledUndo {
  readonly call: CompiledCall;
  /** Whether it uses the step's own response, so that it is not known before that came. */
  readonly usesOwn: boolean;
}

const ATTEMPTS = 3;
/** More than a step repeats: an undo carries a key, and giving up costs more. */
const UNDO_RETRY_ON = ["network", "timeout", 429, 500, 502, 503, 504] as const;

/** When an undo call is sent again, where the chain does not say otherwise. */
export function undoRetry(stored: StoredUndo["retry"]): NonNullable<StoredUndo["retry"]> {
  return { attempts: ATTEMPTS, on: UNDO_RETRY_ON, ...stored };
}

/** Compiles a step's undo; it always carries an idempotency key. `null` after an issue. */
export function compileUndo(
  stored: StoredUndo,
  step: string,
  path: string,
  context: CompileContext,
): CompiledUndo | null {
  const heads = new Set<string>();
  for (const value of valuesOfCall(stored.call)) collectHeads(value, heads);
  const { timeout, retry } = stored;
  const call = compileCall(
    stored.call,
    {
      ...(timeout === undefined ? {} : { timeout }),
      retry: undoRetry(retry),
      idempotency_key: "auto",
    },
    path,
    context,
    { looksInto: () => false, readsMembers: () => false, buffered: true, step: null },
  );
  return call === null ? null : { call, usesOwn: heads.has(step) };
}
