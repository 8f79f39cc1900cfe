/** Something that must end by a certain time. */
export interface Timed {
  /** `performance.now()` milliseconds; `Infinity` for never. */
  dueAt: number;
  /** Place in the sweep's list; kept by the sweep alone. */
  sweepSlot: number;
  /** Called on the first sweep at or after `dueAt`; must move `dueAt` or leave the sweep. */
  expire(now: number): void;
}

/** Deadlines are kept to within this; a call never ends early. */
const FAST_TICK_MS = 20;
/** While no call is running only idle connections expire, which is not urgent. */
const SLOW_TICK_MS = 1_000;
/** Fast ticks after the last call, so that calls a moment apart do not re-arm the timer each time. */
const LINGER_TICKS = 50;

/**
 * One coarse timer for all connections of a transport instead of one timer per call: setting a
 * deadline is a field assignment, and only a sweep every 20 ms looks at it. The timer does not keep
 * the process alive and stops when nothing is watched.
 */
export class DeadlineSweep {
  readonly #watched: Timed[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isFast = false;
  #busy = 0;
  #lingering = 0;

  add(timed: Timed): void {
    timed.sweepSlot = this.#watched.length;
    this.#watched.push(timed);
    if (this.#timer === null) this.#arm(this.#busy > 0);
  }

  /** Harmless when `timed` is not watched. */
  remove(timed: Timed): void {
    const slot = timed.sweepSlot;
    if (slot < 0) return;
    timed.sweepSlot = -1;
    const last = this.#watched.pop();
    if (last === undefined || last === timed) return;
    this.#watched[slot] = last;
    last.sweepSlot = slot;
  }

  /** A call starts: deadlines are near from now on. */
  callStarted(): void {
    this.#busy += 1;
    if (this.#isFast) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#arm(true);
  }

  callEnded(): void {
    this.#busy -= 1;
  }

  #arm(isFast: boolean): void {
    this.#isFast = isFast;
    this.#timer = setTimeout(this.#sweep, isFast ? FAST_TICK_MS : SLOW_TICK_MS);
    this.#timer.unref();
  }

  readonly #sweep = (): void => {
    const now = performance.now();
    // Backwards, because `expire` may remove the entry itself, which moves the last one here.
    for (let slot = this.#watched.length - 1; slot >= 0; slot--) {
      const timed = this.#watched[slot];
      if (timed !== undefined && now >= timed.dueAt) timed.expire(now);
    }
    this.#lingering = this.#busy > 0 ? LINGER_TICKS : this.#lingering - 1;
    if (this.#watched.length === 0 && this.#busy === 0) {
      this.#timer = null;
      this.#isFast = false;
    } else {
      this.#arm(this.#busy > 0 || this.#lingering > 0);
    }
  };
}
