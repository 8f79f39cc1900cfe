/** What decides between candidates that share a literal path or prefix. */
export interface Ranked {
  readonly priority: number;
  /** The pattern as written. */
  readonly pattern: string;
  /** When the route's id first came; kept when the route is replaced, as APISIX keeps its place. */
  readonly sequence: number;
  /** Place among the patterns of one route. */
  readonly ordinal: number;
}

/**
 * Order in which candidates of one literal are tried: higher priority, then the longer pattern, then
 * the older route (lua-resty-radixtree). Never 0 for two different candidates.
 */
function compareRank(a: Ranked, b: Ranked): number {
  return (
    b.priority - a.priority ||
    b.pattern.length - a.pattern.length ||
    a.sequence - b.sequence ||
    a.ordinal - b.ordinal
  );
}

/** Inserts into a list sorted by {@link compareRank}. */
export function insertRanked<T extends Ranked>(list: T[], item: T): void {
  list.splice(findRank(list, item), 0, item);
}

/** Removes from a list sorted by {@link compareRank}. */
export function removeRanked<T extends Ranked>(list: T[], item: T): void {
  const index = findRank(list, item);
  if (list[index] === item) list.splice(index, 1);
}

/** Index of the item, or the one it belongs at. */
function findRank(list: readonly Ranked[], item: Ranked): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = list[middle];
    if (other !== undefined && compareRank(other, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
