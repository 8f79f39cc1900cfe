let text = "";
let validUntil = Number.NEGATIVE_INFINITY;

/**
 * The `Date` of a reply (RFC 9110 §6.6.1), made once a second.
 *
 * @param now `performance.now()`.
 */
export function httpDate(now: number): string {
  if (now >= validUntil) {
    const wall = Date.now();
    text = new Date(wall).toUTCString();
    validUntil = now + 1000 - (wall % 1000);
  }
  return text;
}
