/** What may be asked of a connection in a second that is work for us and none for the other side. */
const BUDGET = 10_000;
/** A stream that is opened and given up at once makes us begin and end a request. */
const RESET_COST = 20;

/**
 * Counts frames by which a peer could keep us busy at little cost to itself: pings, settings, data
 * without a byte, streams that are reset as soon as they are opened (CVE-2019-9512 ff., CVE-2023-44487).
 */
export class Calm {
  #left = BUDGET;
  #since = performance.now();

  /** @returns whether the peer keeps within bounds. */
  spend(isReset: boolean): boolean {
    this.#left -= isReset ? RESET_COST : 1;
    if (this.#left >= 0) return true;
    const now = performance.now();
    if (now - this.#since < 1_000) return false;
    this.#since = now;
    this.#left = BUDGET;
    return true;
  }
}
