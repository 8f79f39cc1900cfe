import type { PhaseHandlers, RequestContext } from "@catena/pipeline";

/** How often requests in flight are looked at, in milliseconds. */
const tickMs = 50;

/**
 * Watches over the requests that take longer than a tick, so that the others pay nothing:
 *
 * - they hear when their client leaves (most requests are over before the first tick);
 * - the deadline is enforced even where nothing waits on a timer of its own.
 */
export class InFlight {
  /** Each knows its own place: a set that changes with every request costs 2 µs, this a tenth. */
  readonly #contexts: RequestContext[] = [];
  #timer: ReturnType<typeof setInterval> | null = null;

  get size(): number {
    return this.#contexts.length;
  }

  /** The handlers that each request runs through. */
  *handlers(): Iterable<PhaseHandlers> {
    for (const { handlers } of this.#contexts) yield handlers;
  }

  /** Harmless for a context that is in it. */
  add(ctx: RequestContext): void {
    if (ctx.inFlightSlot >= 0) return;
    ctx.inFlightSlot = this.#contexts.length;
    this.#contexts.push(ctx);
    if (this.#timer === null) this.#watch();
  }

  #watch(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  /** Harmless for a context that is not in it. */
  delete(ctx: RequestContext): void {
    const slot = ctx.inFlightSlot;
    if (slot < 0) return;
    ctx.inFlightSlot = -1;
    const last = this.#contexts.pop();
    if (last === undefined || last === ctx) return;
    this.#contexts[slot] = last;
    last.inFlightSlot = slot;
  }

  /** Gives up every request: the grace time of a stop is over. */
  cancelAll(): void {
    for (const ctx of this.#contexts.slice()) ctx.cancel.cancel("shutdown");
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    if (this.#contexts.length === 0) {
      this.stop();
      return;
    }
    const now = performance.now();
    // A copy: what is cancelled may leave the list here.
    for (const ctx of this.#contexts.slice()) {
      if (ctx.deadlineAt <= now) ctx.cancel.cancel("deadline");
      if (ctx.isWatched || now - ctx.startedAt < tickMs) continue;
      ctx.isWatched = true;
      ctx.request.watch(() => ctx.cancel.cancel("client-gone"));
    }
  }
}
