import type { PhaseHandlers, RequestContext } from "@catena/pipeline";

/** How often requests in flight are looked at, in milliseconds. */
const tickMs = 50;

/** Bun's `idleTimeout` of the data plane, in seconds; nginx's `client_header_timeout` is the same. */
export const idleSeconds = 60;

/** Longest a single request may be silent towards its client: the most Bun's timer can hold. */
const longestSeconds = 255;

/**
 * Watches over the requests that take longer than a tick, so that the others pay nothing:
 *
 * - the client's abort signal is attached (most requests are over before the first tick);
 * - the deadline is enforced even where nothing waits on a timer of its own;
 * - Bun's idle timer is extended: it would end a working handler without a reply.
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

  add(ctx: RequestContext): void {
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
      ctx.server.timeout(ctx.request, longestSeconds);
      const { signal } = ctx.request;
      if (signal.aborted) ctx.cancel.cancel("client-gone");
      else signal.addEventListener("abort", () => ctx.cancel.cancel("client-gone"), { once: true });
    }
  }
}
