/** How many letters may differ for a name to count as a slip of another. */
const MAX_DISTANCE = 2;

/** The name of `known` that `name` is most likely a slip of, or `null`. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(MAX_DISTANCE, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    if (camelToSnake(name) === candidate) return candidate;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function camelToSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Levenshtein distance, or `limit` when it is not below it. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      const above = previous[j] ?? limit;
      const diagonal = previous[j - 1] ?? limit;
      row.push(Math.min(above + 1, (row[j - 1] ?? limit) + 1, diagonal + change));
    }
    previous = row;
  }
  return Math.min(previous[b.length] ?? limit, limit);
}
