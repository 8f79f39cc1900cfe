/**
 * Takes turns by weight, as evenly spread as the weights allow: a turn gives everybody their weight,
 * and whoever has most pays the sum of all. Nobody with weight 0 gets a turn, unless all have 0: then
 * all have the same (lua-resty-balancer, roundrobin.lua).
 */
export class WeightedTurns {
  readonly #weights: readonly number[];
  readonly #total: number;
  readonly #current: number[];

  /** @param skip turns taken already, so that processes do not all begin with the same one. */
  constructor(weights: readonly number[], skip = 0) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#weights = sum === 0 ? weights.map(() => 1) : weights;
    this.#total = sum === 0 ? weights.length : sum;
    this.#current = weights.map(() => 0);
    for (let i = 0; i < skip; i++) this.next();
  }

  /** @returns the index of whose turn it is; -1 when there is nobody. */
  next(): number {
    const current = this.#current;
    let best = -1;
    for (let i = 0; i < current.length; i++) {
      // The loop bound makes both elements present.
      current[i] = (current[i] as number) + (this.#weights[i] as number);
      if (this.#weights[i] === 0) continue;
      if (best < 0 || (current[i] as number) > (current[best] as number)) best = i;
    }
    if (best >= 0) current[best] = (current[best] as number) - this.#total;
    return best;
  }
}
