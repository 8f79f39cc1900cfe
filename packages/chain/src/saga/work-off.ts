import { defineErrors } from "@catena/errors";
import type { TargetResolver } from "@catena/pipeline";
import type { ConfigStore, StoreEntry } from "@catena/store";
import { CancelScope } from "@catena/upstream";
import { SYSTEM_CLOCK } from "../clock.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { compileRetry } from "../policies/retry.ts";
import type { SendRun } from "../run-context.ts";
import type { RenderedCall, SendPolicy } from "../steps/send-call.ts";
import { undoRetry } from "./compile-undo.ts";
import { sendUndo } from "./send-undo.ts";
import { UNDO_PREFIX } from "./undo-log.ts";
import {
  parseUndoRecord,
  type RecordedCall,
  recordedBody,
  type UndoEntry,
  type UndoRecord,
  type UndoState,
} from "./undo-record.ts";

/** What working off undo records can run into. */
export const undoErrors = defineErrors({
  UNDO_MISSING: {
    status: 404,
    source: "store",
    retryable: false,
    message: (p: { id: string }) => `there is no undo record "${p.id}"`,
  },
  UNDO_UNREADABLE: {
    status: 500,
    source: "store",
    retryable: false,
    message: (p: { id: string }) =>
      `undo record "${p.id}" is not of a version that this build reads`,
  },
  UNDO_OWNED: {
    status: 409,
    source: "store",
    retryable: true,
    message: (p: { id: string; until: string }) =>
      `undo record "${p.id}" may still be worked on by a gateway, until ${p.until}`,
  },
  UNDO_CHANGED: {
    status: 409,
    source: "store",
    retryable: true,
    message: (p: { id: string }) => `undo record "${p.id}" was changed by somebody else meanwhile`,
  },
});

/** An undo record as people see it: without headers and bodies, which may hold secrets. */
export interface UndoSummary {
  readonly id: string;
  readonly chain: string;
  /** The request's id, as its client was told it. */
  readonly request: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Whether the gateway that wrote it may still be at work on it. */
  readonly isOwned: boolean;
  readonly steps: readonly UndoStepSummary[];
}

export interface UndoStepSummary {
  readonly step: string;
  /** `started`: nobody knows whether it happened. */
  readonly state: UndoState;
  /** `METHOD target path` of the undo call; `null` when it is not known what to send. */
  readonly call: string | null;
  readonly reason: string | null;
}

/** What working off needs besides the store. */
export interface UndoRetryServices {
  readonly targets: TargetResolver;
  /** Takes a record whose gateway may still be at work; for one that is known to be dead. */
  readonly force?: boolean;
  /** Gives up what is in flight; what was not undone then is left as it was. */
  readonly cancel?: CancelScope;
  /** Milliseconds since 1970. */
  readonly nowMs?: number;
}

const SENT_ON = "the request was sent on, and may have been taken";

/** Milliseconds a single record is worked on. */
const RETRY_MS = 120_000;
/** Milliseconds for which a record belongs to who works on it. */
const CLAIM_MS = RETRY_MS + 15_000;

/**
 * Lists what was left undone, oldest first. What cannot be read is listed with no steps.
 *
 * @throws STORE_UNAVAILABLE
 */
export async function listUndo(
  store: ConfigStore,
  nowMs: number = Date.now(),
): Promise<readonly UndoSummary[]> {
  const { entries } = await store.list(UNDO_PREFIX);
  return entries.map((entry) => summarize(entry, nowMs));
}

/**
 * Sends the undo calls of a record again, last steps first, with the idempotency keys they have had
 * from the start; removes it when nothing is left. A step whose undo call is not known stays.
 *
 * @returns the record as it is left, or `null` when it is gone.
 * @throws UNDO_MISSING, UNDO_UNREADABLE, UNDO_OWNED, UNDO_CHANGED, STORE_UNAVAILABLE
 */
export async function retryUndo(
  store: ConfigStore,
  id: string,
  services: UndoRetryServices,
): Promise<UndoSummary | null> {
  const nowMs = services.nowMs ?? Date.now();
  const found = await read(store, id);
  if (services.force !== true) refuseOwned(found.record, nowMs);
  const claimed = await write(store, { ...found.record, ownedUntil: nowMs + CLAIM_MS }, found);
  const entries = [...found.record.entries];
  const run = retryRun(services.cancel ?? new CancelScope());
  for (let i = entries.length - 1; i >= 0 && run.cancel.reason === null; i--) {
    const entry = entries[i];
    if (entry === undefined) continue;
    const tried = await retryEntry(entry, services.targets, run);
    if (tried.state === "undone" || run.cancel.reason === null) entries[i] = tried;
  }
  const left = entries.filter((entry) => entry.state !== "undone");
  if (left.length === 0) {
    await remove(store, id, claimed.modRevision);
    return null;
  }
  const kept: UndoRecord = { ...found.record, ownedUntil: 0, entries: left };
  await write(store, kept, claimed);
  return summarizeRecord(kept, nowMs);
}

/**
 * Removes a record without undoing anything: someone has taken care of it otherwise.
 *
 * @throws UNDO_MISSING, UNDO_OWNED, UNDO_CHANGED, STORE_UNAVAILABLE
 */
export async function dropUndo(
  store: ConfigStore,
  id: string,
  options: Pick<UndoRetryServices, "force" | "nowMs"> = {},
): Promise<void> {
  const entry = await store.get(UNDO_PREFIX + id);
  if (entry === null) throw undoErrors.UNDO_MISSING({ id });
  const record = parseUndoRecord(entry.value);
  if (record !== null && options.force !== true) refuseOwned(record, options.nowMs ?? Date.now());
  await remove(store, id, entry.modRevision);
}

async function retryEntry(
  entry: UndoEntry,
  targets: TargetResolver,
  run: SendRun,
): Promise<UndoEntry> {
  const { call, state, step } = entry;
  if (state === "undone" || call === null) return entry;
  const rendered = toRendered(call, targets);
  if (rendered === null) return { ...entry, state: failedOr(state), reason: "its target is gone" };
  const own = { ...run, label: step, remainingMs: run.remainingMs };
  const reason = await sendUndo(retryPolicy(call), rendered, own, state !== "started");
  return reason === null
    ? { step, call, state: "undone" }
    : { step, call, state: failedOr(state), reason };
}

/** Where nobody knows whether a step happened, a failed undo does not make it certain. */
function failedOr(state: UndoState): UndoState {
  return state === "started" ? "started" : "failed";
}

function toRendered(call: RecordedCall, targets: TargetResolver): RenderedCall | null {
  const { target: targetKey, method, path, headers, key } = call;
  const at = targetKey.indexOf(":");
  const name = targetKey.slice(at + 1);
  const target = targetKey.startsWith("upstream:") ? targets.upstream(name) : targets.uri(name);
  if (target === null) return null;
  return { target, targetKey, method, path, headers, body: recordedBody(call), key };
}

function retryPolicy({ timeoutMs, attempts }: RecordedCall): SendPolicy {
  return {
    isSafe: false,
    timeoutMs,
    maxBodyBytes: DEFAULT_LIMITS.responseBytes,
    retry: compileRetry(undoRetry({ attempts })),
    hedge: null,
    buffered: true,
  };
}

function retryRun(cancel: CancelScope): SendRun {
  const deadlineAt = performance.now() + RETRY_MS;
  return {
    label: "",
    trace: null,
    cancel,
    deadlineAt,
    effects: { uncertain: false },
    context: { clock: SYSTEM_CLOCK, random: Math.random },
    remainingMs: () => deadlineAt - performance.now(),
  };
}

interface Found {
  readonly record: UndoRecord;
  readonly modRevision: number;
}

async function read(store: ConfigStore, id: string): Promise<Found> {
  const entry = await store.get(UNDO_PREFIX + id);
  if (entry === null) throw undoErrors.UNDO_MISSING({ id });
  const record = parseUndoRecord(entry.value);
  if (record === null) throw undoErrors.UNDO_UNREADABLE({ id });
  return { record, modRevision: entry.modRevision };
}

async function write(store: ConfigStore, record: UndoRecord, over: Found): Promise<Found> {
  const key = UNDO_PREFIX + record.id;
  const result = await store.transact({
    comparisons: [{ key, modRevision: over.modRevision }],
    operations: [{ kind: "put", key, value: JSON.stringify(record) }],
  });
  if (!result.committed) throw undoErrors.UNDO_CHANGED({ id: record.id });
  return { record, modRevision: result.revision };
}

async function remove(store: ConfigStore, id: string, modRevision: number): Promise<void> {
  const key = UNDO_PREFIX + id;
  const result = await store.transact({
    comparisons: [{ key, modRevision }],
    operations: [{ kind: "delete", key }],
  });
  if (!result.committed) throw undoErrors.UNDO_CHANGED({ id });
}

function refuseOwned({ id, ownedUntil }: UndoRecord, nowMs: number): void {
  if (nowMs >= ownedUntil) return;
  throw undoErrors.UNDO_OWNED({ id, until: new Date(ownedUntil).toISOString() });
}

function summarize({ key, value }: StoreEntry, nowMs: number): UndoSummary {
  const record = parseUndoRecord(value);
  const id = key.slice(UNDO_PREFIX.length);
  return record === null
    ? { id, chain: "", request: "", startedAt: 0, isOwned: false, steps: [] }
    : summarizeRecord(record, nowMs);
}

function summarizeRecord(record: UndoRecord, nowMs: number): UndoSummary {
  const { id, chain, request, startedAt, ownedUntil, forwarded } = record;
  const steps = record.entries.map(({ step, state, call, reason }) => ({
    step,
    state,
    call: call === null ? null : `${call.method} ${call.target} ${pathOnly(call.path)}`,
    reason: reason ?? (forwarded === true ? SENT_ON : null),
  }));
  return { id, chain, request, startedAt, isOwned: nowMs < ownedUntil, steps };
}

/** A query may hold a secret; a path names what is undone. */
function pathOnly(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? path : path.slice(0, at);
}
