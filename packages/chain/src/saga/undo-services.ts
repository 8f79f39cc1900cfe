import type { UndoLog } from "./undo-log.ts";

/** What undoing needs besides the chain. */
export interface UndoServices {
  readonly log: UndoLog;
  /** Called when something was left undone, with ids and names only; for the gateway's log. */
  report(event: UndoEvent): void;
}

export interface UndoEvent {
  /** `undo-failed`: needs to be worked off; `record-failed`: the store did not take a change. */
  readonly kind: "undo-failed" | "record-failed";
  readonly chain: string;
  readonly request: string;
  /** Of the record in the store. */
  readonly record: string;
  readonly steps: readonly string[];
  readonly reason: string;
}
