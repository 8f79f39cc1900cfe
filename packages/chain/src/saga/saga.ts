import type { CancelScope } from "@catena/upstream";
import type { ChainClock } from "../clock.ts";
import { chainErrors } from "../errors.ts";
import { asGatewayError } from "../failure.ts";
import type { UndoReport } from "../run/problem-reply.ts";
import { StepRun } from "../run-context.ts";
import { renderCall } from "../steps/render-call.ts";
import type { RenderedCall } from "../steps/send-call.ts";
import { noteCall } from "../trace/note-call.ts";
import { prepareAll } from "../values/value-context.ts";
import type { CompiledUndo } from "./compile-undo.ts";
import { sendUndo } from "./send-undo.ts";
import { recordCall, type UndoEntry, type UndoState } from "./undo-record.ts";
import type { UndoServices } from "./undo-services.ts";

/** Milliseconds for undoing all of a request's steps; what is left then is worked off later. */
const UNDO_MS = 60_000;
/** Added to what a record is owned for, for clocks and stores that lag. */
const SLACK_MS = 15_000;

export interface SagaStart {
  readonly services: UndoServices;
  readonly chain: string;
  readonly request: string;
  readonly clock: ChainClock;
  /** The request's deadline, on the clock's monotonic scale. */
  readonly deadlineAt: number;
  /** Ends undo calls when the gateway stops. */
  readonly cancel: CancelScope;
}

/** A step that has an undo, from before it is called. */
export class SagaEntry {
  readonly undo: CompiledUndo;
  readonly run: StepRun;
  state: UndoState = "started";
  rendered: RenderedCall | null = null;
  reason: string | null = null;

  constructor(undo: CompiledUndo, run: StepRun) {
    this.undo = undo;
    this.run = run;
  }
}

/**
 * The undo side of one request. What is about to happen is recorded before it does: whenever the
 * process ends, the record says what may have to be undone, and with which calls.
 */
export class Saga {
  readonly #start: SagaStart;
  readonly #id = Bun.randomUUIDv7();
  readonly #entries: SagaEntry[] = [];
  readonly #startedAt: number;
  #ownedUntil: number;
  #isRecorded = false;
  #isForwarded = false;
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  readonly #undone: string[] = [];
  readonly #failed: string[] = [];
  readonly #unknown: string[] = [];

  constructor(start: SagaStart) {
    this.#start = start;
    const { clock, deadlineAt } = start;
    this.#startedAt = clock.wallMs();
    this.#ownedUntil = this.#startedAt + (deadlineAt - clock.monotonicMs()) + UNDO_MS + SLACK_MS;
  }

  /** Records that a step is about to be called. @throws CHAIN_UNDO_LOG, and the step is not called. */
  async begin(undo: CompiledUndo, run: StepRun): Promise<SagaEntry> {
    const entry = new SagaEntry(undo, run);
    if (!undo.usesOwn) await this.#render(entry);
    this.#entries.push(entry);
    try {
      await this.#save();
    } catch (error) {
      this.#forget(entry);
      throw chainErrors.CHAIN_UNDO_LOG({ step: run.label }, error);
    }
    return entry;
  }

  /** Records that a step happened, and with which call it is undone. */
  async happened(entry: SagaEntry): Promise<void> {
    entry.state = "done";
    if (entry.rendered === null) await this.#render(entry);
    await this.#trySave();
  }

  /** Lets go of a step that certainly did nothing. */
  didNothing(entry: SagaEntry): void {
    this.#forget(entry);
  }

  /** What became of everything that was to be undone so far, by the steps' names. */
  get report(): UndoReport {
    return { undone: this.#undone, undoFailed: this.#failed, unknown: this.#unknown };
  }

  /**
   * Undoes steps in the given order, each whatever became of the others.
   *
   * @param entries steps that happened, or of which nobody knows.
   */
  async undo(entries: readonly SagaEntry[]): Promise<void> {
    const { clock, deadlineAt } = this.#start;
    const until = Math.min(clock.monotonicMs(), deadlineAt) + UNDO_MS;
    const left: SagaEntry[] = [];
    for (const entry of entries) {
      await this.#undoOne(entry, until);
      const names =
        entry.state === "undone" ? this.#undone : isUnknown(entry) ? this.#unknown : this.#failed;
      names.push(entry.run.label);
      if (entry.state !== "undone") left.push(entry);
    }
    if (left.length === 0) return;
    const steps = left.map((entry) => entry.run.label);
    this.#event("undo-failed", steps, left.map((entry) => entry.reason).join("; "));
  }

  /**
   * Records that the request is about to be sent on: a process that ends before it hears of the
   * outcome leaves a record that nobody works off without a person having looked.
   *
   * @throws what the store throws
   */
  async forwarding(): Promise<void> {
    this.#isForwarded = true;
    if (this.#entries.length > 0) await this.#save();
  }

  /** The request was not taken, or never sent on: what the steps did is to be undone. */
  notForwarded(): void {
    this.#isForwarded = false;
  }

  /** Ends the record: all went well, or was undone. What could not be undone stays. */
  async close(): Promise<void> {
    await this.#last;
    if (!this.#isRecorded) return;
    const left = this.#entries.filter((entry) => entry.state === "failed" || isUnknown(entry));
    if (left.length === 0) await this.#start.services.log.remove(this.#id);
    this.#entries.splice(0, this.#entries.length, ...left);
    // Nobody works on it any more.
    this.#ownedUntil = 0;
    if (left.length > 0) await this.#save();
  }

  /** Ends the record after undoing; a store that does not answer leaves too much in it, not too little. */
  async tryClose(): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      this.#recordFailed(error);
    }
  }

  async #undoOne(entry: SagaEntry, until: number): Promise<void> {
    const { run, undo, rendered } = entry;
    const isCertain = entry.state === "done";
    if (rendered === null) {
      if (isCertain) entry.state = "failed";
      entry.reason ??= isCertain ? "cannot be told from the response" : "no response came";
      return;
    }
    const { context, scope } = run;
    const label = `${run.label}.undo`;
    const trace = context.trace?.begin(label, context.clock.monotonicMs()) ?? null;
    const { cancel } = this.#start;
    const effects = { uncertain: false };
    const own = new StepRun(context, scope, label, trace, cancel, until, effects);
    noteCall(undo.call, rendered, own);
    entry.reason = await sendUndo(undo.call, rendered, own, isCertain);
    entry.state = entry.reason === null ? "undone" : "failed";
    if (trace !== null) {
      trace.endMs = context.clock.monotonicMs();
      trace.outcome = entry.reason === null ? "done" : "failed";
      trace.reason = entry.reason;
    }
    await this.#trySave();
  }

  /** Makes the undo call; a value that cannot be computed leaves the step without one. */
  async #render(entry: SagaEntry): Promise<void> {
    const { run, undo } = entry;
    try {
      if (undo.call.prepares.length > 0) await prepareAll(undo.call.prepares, run.scope);
      const rendered = renderCall(undo.call, run);
      if (recordCall(rendered, policyOf(undo)) !== null) entry.rendered = rendered;
    } catch (error) {
      entry.reason = asGatewayError(error, run.label).code;
    }
  }

  #forget(entry: SagaEntry): void {
    const at = this.#entries.indexOf(entry);
    if (at >= 0) this.#entries.splice(at, 1);
  }

  /** Writes the record as it is when its turn comes: writes that wait for each other become one. */
  #save(): Promise<void> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(() => {
      this.#next = null;
      this.#isRecorded = true;
      return this.#start.services.log.put(this.#record());
    });
    this.#next = next;
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Goes on without a store that does not answer: what it holds says too much, not too little. */
  async #trySave(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#recordFailed(error);
    }
  }

  #recordFailed(error: unknown): void {
    const steps = this.#entries.map((entry) => entry.run.label);
    this.#event("record-failed", steps, asGatewayError(error, "").code);
  }

  #event(kind: "undo-failed" | "record-failed", steps: readonly string[], reason: string): void {
    const { services, chain, request } = this.#start;
    services.report({ kind, chain, request, record: this.#id, steps, reason });
  }

  #record() {
    const { chain, request } = this.#start;
    return {
      v: 1,
      id: this.#id,
      chain,
      request,
      startedAt: Math.round(this.#startedAt),
      ownedUntil: Math.round(this.#ownedUntil),
      ...(this.#isForwarded ? { forwarded: true as const } : {}),
      entries: this.#entries.map(toRecord),
    } as const;
  }
}

function isUnknown(entry: SagaEntry): boolean {
  return entry.state === "started";
}

function policyOf({ call }: CompiledUndo) {
  return { timeoutMs: call.timeoutMs, attempts: call.retry.attempts };
}

function toRecord({ run, state, rendered, undo, reason }: SagaEntry): UndoEntry {
  return {
    step: run.label,
    state,
    call: rendered === null ? null : recordCall(rendered, policyOf(undo)),
    ...(reason === null ? {} : { reason }),
  };
}
