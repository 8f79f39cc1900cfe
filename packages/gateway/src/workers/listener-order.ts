import type { ListenerSeat } from "./steer-connections.ts";

/** Two events closer than this, in milliseconds, may have happened in the other order. */
const blurMs = 1000;

/**
 * The order in which the kernel keeps the listeners of one port, as far as it can be known from
 * outside: see {@link ListenerSeat}. A process that dies does so at a moment that is not known exactly.
 * When that may have been before or after another event, no seat is known any more until all but one
 * are gone: whoever moves into a place that is not known makes its own unknown.
 */
export class ListenerOrder<T> {
  readonly #seats: T[] = [];
  readonly #now: () => number;
  #isUnsure = false;
  #lastEventAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** One is told to listen; one at a time. */
  expect(): void {
    this.#lastEventAt = this.#now();
  }

  /** The one that was told listens. */
  add(listener: T): void {
    this.#seats.push(listener);
    this.#lastEventAt = this.#now();
  }

  /**
   * One listens no more; harmless when it did not.
   *
   * @param how `told`: it said so before anything else could happen. `died`: some time ago.
   */
  remove(listener: T, how: "told" | "died"): void {
    const index = this.#seats.indexOf(listener);
    if (index < 0) return;
    const now = this.#now();
    const last = this.#seats.pop();
    if (last !== undefined && index < this.#seats.length) this.#seats[index] = last;
    if (how === "died" && now - this.#lastEventAt < blurMs) this.#isUnsure = true;
    if (this.#seats.length <= 1) this.#isUnsure = false;
    this.#lastEventAt = now;
  }

  /** `null` when it does not listen, or nobody knows. */
  seatOf(listener: T): ListenerSeat | null {
    const index = this.#seats.indexOf(listener);
    return index < 0 || this.#isUnsure ? null : { index, count: this.#seats.length };
  }
}
