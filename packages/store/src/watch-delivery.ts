import type { Change, ResetReason, StoreList, WatchHandler, WatchState } from "./store.ts";

/** The handler of a watch threw. */
export class HandlerFault extends Error {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the watch handler failed: ${reason}`, { cause });
  }
}

/**
 * Stands between a watch and its handler: silent once closed, tells a state only when it changes,
 * and turns a throwing handler into a failed delivery.
 */
export class WatchDelivery {
  readonly #handler: WatchHandler;
  #isClosed = false;
  #state = "";

  constructor(handler: WatchHandler) {
    this.#handler = handler;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** @throws HandlerFault */
  changes(changes: readonly Change[], revision: number): void {
    if (changes.length > 0) this.#call(() => this.#handler.onChanges(changes, revision));
  }

  /** @throws HandlerFault */
  reset(list: StoreList, reason: ResetReason): void {
    this.#call(() => this.#handler.onReset(list, reason));
  }

  connected(revision: number): void {
    this.#tell("connected", { kind: "connected", revision });
  }

  /**
   * @param cause groups reasons: another reason of the same cause is not news, so that retries which
   *   fail in slightly different ways stay silent
   */
  disconnected(cause: string, reason: string): void {
    this.#tell(`disconnected: ${cause}`, { kind: "disconnected", reason });
  }

  #call(deliver: () => void): void {
    if (this.#isClosed) return;
    try {
      deliver();
    } catch (error) {
      throw new HandlerFault(error);
    }
  }

  #tell(mark: string, state: WatchState): void {
    if (this.#isClosed || this.#state === mark) return;
    this.#state = mark;
    try {
      this.#handler.onState(state);
    } catch {
      // A receiver that cannot take a state has nobody left to tell that to; its data is not at stake.
    }
  }
}
