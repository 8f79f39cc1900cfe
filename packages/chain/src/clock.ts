/** Time as a chain sees it; tests give their own. */
export interface ChainClock {
  /** Milliseconds on `performance.now()`'s scale, as deadlines are. */
  monotonicMs(): number;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

export const SYSTEM_CLOCK: ChainClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
