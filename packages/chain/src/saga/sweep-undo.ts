import { isGatewayError } from "@catena/errors";
import type { ConfigStore } from "@catena/store";
import { UNDO_PREFIX } from "./undo-log.ts";
import { parseUndoRecord, type UndoEntry, type UndoRecord } from "./undo-record.ts";
import { retryUndo, type UndoRetryServices, type UndoSummary } from "./work-off.ts";

/** What a pass over the undo records came to. */
export interface UndoSweep {
  /** Records worked off in this pass; `left` is what could not be undone, `null` when nothing. */
  readonly worked: readonly { readonly id: string; readonly left: UndoSummary | null }[];
  /** Ids of records that wait for a person. */
  readonly waiting: readonly string[];
}

/** Others got there first, or the record is of a build that knows more. */
const NOT_OURS = new Set(["UNDO_OWNED", "UNDO_CHANGED", "UNDO_MISSING", "UNDO_UNREADABLE"]);

/**
 * Undoes what processes that ended in the middle of a chain left done: no client was told that these
 * chains succeeded. A record is claimed before anything is sent, so that of several gateways one works
 * on it; the calls carry the keys they had from the start. What was tried and failed, and what was sent
 * on to an upstream that may have taken it, is left to `catena undo`.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function sweepUndo(
  store: ConfigStore,
  services: Omit<UndoRetryServices, "force">,
): Promise<UndoSweep> {
  const nowMs = services.nowMs ?? Date.now();
  const { entries } = await store.list(UNDO_PREFIX);
  const worked: { id: string; left: UndoSummary | null }[] = [];
  const waiting: string[] = [];
  for (const { key, value } of entries) {
    const id = key.slice(UNDO_PREFIX.length);
    const record = parseUndoRecord(value);
    if (record === null || nowMs < record.ownedUntil) continue;
    if (!isInterrupted(record)) waiting.push(id);
    else if (services.cancel === undefined || services.cancel.reason === null) {
      const left = await workOff(store, id, services);
      if (left !== undefined) worked.push({ id, left });
    }
  }
  return { worked, waiting };
}

async function workOff(
  store: ConfigStore,
  id: string,
  services: Omit<UndoRetryServices, "force">,
): Promise<UndoSummary | null | undefined> {
  try {
    return await retryUndo(store, id, services);
  } catch (error) {
    if (isGatewayError(error) && NOT_OURS.has(error.code)) return undefined;
    throw error;
  }
}

function isInterrupted({ forwarded, entries }: UndoRecord): boolean {
  return forwarded !== true && entries.some(isUntried);
}

/** Nobody got to undo it, or a gateway that stopped gave it up; an attempt that failed says why. */
function isUntried({ state, call, reason }: UndoEntry): boolean {
  if (call === null) return false;
  return reason === STOPPED || (reason === undefined && (state === "done" || state === "started"));
}

/** What undo calls end with when they are given up: only a gateway that stops does that. */
const STOPPED = "CHAIN_CANCELLED";
