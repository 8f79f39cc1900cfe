/** Why work is given up: the client left, the deadline passed, a sibling failed, or we are stopping. */
export type CancelReason =
  | "client-gone"
  | "deadline"
  | "sibling-failed"
  | "superseded"
  | "shutdown";

/**
 * Ends everything registered with it, once. A plain list instead of an `AbortController`: one per
 * request is cheap enough to make without knowing whether it will be needed.
 */
export class CancelScope {
  #reason: CancelReason | null = null;
  #listeners: ((reason: CancelReason) => void)[] | null = null;

  /** The reason, or `null` while nothing was cancelled. */
  get reason(): CancelReason | null {
    return this.#reason;
  }

  /** Calls every listener in the order of registration; later calls do nothing. */
  cancel(reason: CancelReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = null;
    if (listeners === null) return;
    for (const listener of listeners) listener(reason);
  }

  /** Registers `listener`; if the scope is cancelled already, it is called at once. */
  onCancel(listener: (reason: CancelReason) => void): void {
    if (this.#reason !== null) {
      listener(this.#reason);
      return;
    }
    if (this.#listeners === null) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  /** Forgets `listener`; harmless when it is not registered. */
  offCancel(listener: (reason: CancelReason) => void): void {
    const listeners = this.#listeners;
    if (listeners === null) return;
    const at = listeners.indexOf(listener);
    if (at >= 0) listeners.splice(at, 1);
  }

  /** A scope that ends with this one, and can end alone. */
  child(): CancelScope {
    const child = new CancelScope();
    this.onCancel((reason) => child.cancel(reason));
    return child;
  }
}
