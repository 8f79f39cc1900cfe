/** A median with the smallest and largest value seen, so that a reader sees the noise. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns `null` for no values at all: a row that was not measured has no number. */
export function toSpread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { median: middle(sorted), min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/**
 * Nearest-rank percentile: a value that was really measured, never an interpolated one.
 *
 * @param sorted ascending
 * @param percent 0 < percent <= 100
 */
export function percentile(sorted: readonly number[] | Float64Array, percent: number): number {
  if (sorted.length === 0) return Number.NaN;
  // The subtraction undoes rounding: 99.9 % of 1000 is rank 999, and not 1000.
  const rank = Math.ceil((percent * sorted.length) / 100 - 1e-9);
  return at(sorted, Math.min(sorted.length, Math.max(1, rank)) - 1);
}

/** Rotates the order by one place per round, so nobody always runs first or behind the same peer. */
export function rotate<T>(items: readonly T[], round: number): readonly T[] {
  if (items.length === 0) return items;
  const shift = round % items.length;
  return [...items.slice(shift), ...items.slice(0, shift)];
}

function middle(sorted: readonly number[]): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(sorted, half) : (at(sorted, half - 1) + at(sorted, half)) / 2;
}

function at(values: readonly number[] | Float64Array, index: number): number {
  return values[index] ?? Number.NaN;
}
