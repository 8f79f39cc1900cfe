/** Most keys one limit counts for; beyond, the key that was silent longest is forgotten. */
const maxKeys = 65_536;

interface Bucket {
  /** Requests beyond the rate that were let in and have not drained yet. */
  excess: number;
  lastMs: number;
}

/**
 * One leaky bucket per key (lua-resty-limit-traffic, limit.req). Buckets are kept in the order of
 * their last request, so that those that are empty are found at the front.
 */
export class LeakyBuckets {
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(ratePerSecond: number, burst: number) {
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Milliseconds a request has to wait for its turn; `null` when it is one too many. */
  admit(key: string, nowMs: number): number | null {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#makeRoom(nowMs);
      this.#buckets.set(key, { excess: 0, lastMs: nowMs });
      return 0;
    }
    const drained = (nowMs - bucket.lastMs) * this.#ratePerMs;
    const excess = Math.max(bucket.excess - drained + 1, 0);
    if (excess > this.#burst) return null;
    bucket.excess = excess;
    bucket.lastMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    return excess / this.#ratePerMs;
  }

  #makeRoom(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      // One that would start at 0 again tells no more than none.
      const isEmpty = bucket.excess + 1 <= (nowMs - bucket.lastMs) * this.#ratePerMs;
      if (!isEmpty && this.#buckets.size < maxKeys) return;
      this.#buckets.delete(key);
    }
  }
}
