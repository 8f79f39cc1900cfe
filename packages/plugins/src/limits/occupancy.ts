/** How many requests are in flight, by key; a key without any takes no place. */
export class Occupancy {
  readonly #inFlight = new Map<string, number>();

  get size(): number {
    return this.#inFlight.size;
  }

  /** Counts one more, if that makes no more than `most`; gives the count, or `null`. */
  enter(key: string, most: number): number | null {
    const count = (this.#inFlight.get(key) ?? 0) + 1;
    if (count > most) return null;
    this.#inFlight.set(key, count);
    return count;
  }

  leave(key: string): void {
    const count = this.#inFlight.get(key) ?? 0;
    if (count > 1) this.#inFlight.set(key, count - 1);
    else this.#inFlight.delete(key);
  }
}
