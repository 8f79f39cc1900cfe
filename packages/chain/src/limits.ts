/** Bounds on everything a chain can make grow; sizes in bytes, times in milliseconds. */
export interface ChainLimits {
  readonly steps: number;
  readonly subDepth: number;
  readonly eachItems: number;
  readonly eachConcurrency: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly mergedBytes: number;
  readonly jsonDepth: number;
  readonly deadlineMs: number;
  /** Per attempt of a call that sets no `timeout`. */
  readonly timeoutMs: number;
}

export const DEFAULT_LIMITS: ChainLimits = {
  steps: 64,
  subDepth: 8,
  eachItems: 100,
  eachConcurrency: 16,
  requestBytes: 1024 * 1024,
  responseBytes: 4 * 1024 * 1024,
  mergedBytes: 8 * 1024 * 1024,
  jsonDepth: 64,
  deadlineMs: 30_000,
  timeoutMs: 6000,
};
