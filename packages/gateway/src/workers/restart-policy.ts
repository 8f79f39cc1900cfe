/** A worker that lived this long, in milliseconds, was well. */
export const healthyMs = 10_000;

/** Workers of one place that may end early, one after another, before it counts as a storm. */
const mostInARow = 5;

const firstDelayMs = 100;

/** Between two tries of a storm: often enough to recover by itself, too seldom to use up a machine. */
const stormDelayMs = 30_000;

/**
 * When to replace a worker that ended by itself: at once if it had been well, later and later if one
 * after another ends early, and every 30 s once that is a storm.
 */
export class RestartPolicy {
  #early = 0;

  /** Milliseconds to wait before the next start. */
  delayAfter(livedMs: number): number {
    this.#early = livedMs >= healthyMs ? 0 : this.#early + 1;
    if (this.isStorm) return stormDelayMs;
    return this.#early <= 1 ? 0 : firstDelayMs * 2 ** (this.#early - 2);
  }

  /** Whether so many ended early that something has to be done about it. */
  get isStorm(): boolean {
    return this.#early >= mostInARow;
  }

  /** Workers in a row that ended early. */
  get early(): number {
    return this.#early;
  }

  /** Begins anew: a worker has been well, or a person had workers replaced. */
  forgive(): void {
    this.#early = 0;
  }
}
