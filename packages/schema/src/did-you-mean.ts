/**
 * Finds the known name that a wrong one was probably meant to be.
 *
 * @returns `null` when none is close: more than a third of its letters differ.
 */
export function didYouMean(wrong: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  const given = simplify(wrong);
  for (const name of known) {
    const target = simplify(name);
    if (Math.abs(target.length - given.length) > MAX_DISTANCE) continue;
    const distance = editDistance(given, target);
    const allowed = Math.min(MAX_DISTANCE, Math.ceil(Math.max(given.length, target.length) / 3));
    if (distance <= allowed && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

const MAX_DISTANCE = 3;

/** Case and word separators are what people get wrong most: `upstreamId`, `upstream-id`. */
function simplify(name: string): string {
  return name.slice(0, 64).toLowerCase().replaceAll(/[-_ ]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        value = Math.min(value, at(twoBack, j - 2) + 1);
      }
      current.push(value);
    }
    twoBack = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
