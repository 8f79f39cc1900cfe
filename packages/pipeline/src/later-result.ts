import type { PhaseResult } from "./phase.ts";

/** Takes what a handler of a request phase ends with; must not throw. */
export interface ResultReceiver {
  phaseEnded(result: PhaseResult): void;
  failed(error: unknown): void;
}

/**
 * The result of a handler that comes later, for handlers whose waiting is no promise's: a promise, with
 * its functions and its turn of the event loop, costs 0.5 µs. It can be awaited as one all the same.
 */
export class LaterResult implements PromiseLike<PhaseResult> {
  #receiver: ResultReceiver | null = null;
  #isOver = false;
  #result: PhaseResult = undefined;
  #error: unknown = null;

  /** Gives the result; what is given first counts. */
  settle(result: PhaseResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#result = result;
    this.#receiver?.phaseEnded(result);
  }

  /** Gives an error in its place. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Told apart from none by being there.
    this.#error = error ?? new Error("a handler failed without an error");
    this.#receiver?.failed(this.#error);
  }

  /** Tells the one who waits: at once when it is there already. */
  take(receiver: ResultReceiver): void {
    if (!this.#isOver) this.#receiver = receiver;
    else if (this.#error !== null) receiver.failed(this.#error);
    else receiver.phaseEnded(this.#result);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is to be awaited where a promise would be
  then<Ok = PhaseResult, Bad = never>(
    onResult?: ((result: PhaseResult) => Ok | PromiseLike<Ok>) | null,
    onError?: ((error: unknown) => Bad | PromiseLike<Bad>) | null,
  ): Promise<Ok | Bad> {
    return new Promise<PhaseResult>((phaseEnded, failed) => {
      this.take({ phaseEnded, failed });
    }).then(onResult, onError);
  }
}
