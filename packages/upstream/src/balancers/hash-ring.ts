/** A member of a ring; equal ids have equal places on every ring. */
export interface RingMember {
  readonly id: string;
  readonly weight: number;
}

/** Points of a member of the smallest weight (lua-resty-balancer, chash.lua). */
const POINTS = 160;
/** Points of a whole ring: weights of a billion beside one must not cost gigabytes. */
const MAX_POINTS = 1 << 20;

/**
 * A consistent hash ring, point for point that of lua-resty-balancer's `chash`, so that a key goes to
 * the node it goes to under APISIX: a member's points are CRC-32 values, each over the id and the
 * point before it; a key belongs to the first point at or after its own CRC-32. Without a member,
 * only its own keys move.
 */
export class HashRing {
  readonly #hashes: Uint32Array;
  readonly #owners: Uint32Array;

  constructor(members: readonly RingMember[]) {
    const counts = pointCounts(members.map(({ weight }) => weight));
    const total = counts.reduce((sum, count) => sum + count, 0);
    // Hash and owner in one number, exact below 2^53: sorting numbers needs no comparison function.
    const keyed = new Float64Array(total);
    let at = 0;
    for (const [owner, member] of members.entries()) {
      at = addPoints(keyed, at, member.id, owner, counts[owner] ?? 0);
    }
    keyed.sort();
    this.#hashes = new Uint32Array(total);
    this.#owners = new Uint32Array(total);
    for (let i = 0; i < total; i++) {
      const value = keyed[i] ?? 0;
      this.#hashes[i] = Math.floor(value / OWNER_SPAN);
      this.#owners[i] = value % OWNER_SPAN;
    }
  }

  get size(): number {
    return this.#hashes.length;
  }

  /** The place of a key: the index of its point. */
  find(key: string): number {
    const hash = Bun.hash.crc32(key);
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#hashes[middle] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.#hashes.length ? 0 : low;
  }

  /** Index of the member that owns a point; points go on from the last to the first. */
  ownerAt(point: number): number {
    return this.#owners[point % this.#owners.length] ?? 0;
  }
}

/** More members than this have no ring of {@link MAX_POINTS} to be on. */
const OWNER_SPAN = MAX_POINTS;

function addPoints(
  keyed: Float64Array,
  at: number,
  id: string,
  owner: number,
  count: number,
): number {
  const bytes = Buffer.from(`${id}\0\0\0\0`, "utf8");
  const tail = bytes.length - 4;
  for (let i = 0; i < count; i++) {
    const hash = Bun.hash.crc32(bytes);
    keyed[at + i] = hash * OWNER_SPAN + owner;
    bytes.writeUInt32LE(hash, tail);
  }
  return at + count;
}

/** Points per member: in proportion to the weights, by their greatest common divisor. */
function pointCounts(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0) || 1;
  const total = (weights.reduce((sum, weight) => sum + weight, 0) / divisor) * POINTS;
  const scale = total > MAX_POINTS ? MAX_POINTS / total : 1;
  return weights.map((weight) => {
    const points = (weight / divisor) * POINTS * scale;
    return weight === 0 ? 0 : Math.max(1, Math.floor(points));
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
