import type { Change, ResetReason, StoreList, WatchHandler } from "./store.ts";

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

  /** @throws whatever the handler throws */
  changes(changes: readonly Change[], revision: number): void {
    if (this.#isClosed || changes.length === 0) return;
    this.#handler.onChanges(changes, revision);
  }

  /** @throws whatever the handler throws */
  reset(list: StoreList, reason: ResetReason): void {
    if (!this.#isClosed) this.#handler.onReset(list, reason);
  }

  connected(revision: number): void {
    if (this.#isClosed || this.#state === "connected") return;
    this.#state = "connected";
    this.#handler.onState({ kind: "connected", revision });
  }

  /**
   * @param cause groups reasons: another reason of the same cause is not news, so that retries which
   *   fail in slightly different ways stay silent
   */
  disconnected(cause: string, reason: string): void {
    if (this.#isClosed || this.#state === `disconnected: ${cause}`) return;
    this.#state = `disconnected: ${cause}`;
    this.#handler.onState({ kind: "disconnected", reason });
  }
}
