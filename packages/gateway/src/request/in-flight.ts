import type { RequestContext } from "@catena/pipeline";

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
  readonly #contexts = new Set<RequestContext>();
  readonly #watched = new WeakSet<RequestContext>();
  #timer: ReturnType<typeof setInterval> | null = null;

  get size(): number {
    return this.#contexts.size;
  }

  add(ctx: RequestContext): void {
    this.#contexts.add(ctx);
    if (this.#timer === null) this.#watch();
  }

  #watch(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  delete(ctx: RequestContext): void {
    this.#contexts.delete(ctx);
  }

  /** Gives up every request: the grace time of a stop is over. */
  cancelAll(): void {
    for (const ctx of this.#contexts) ctx.cancel.cancel("shutdown");
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    if (this.#contexts.size === 0) {
      this.stop();
      return;
    }
    const now = performance.now();
    for (const ctx of this.#contexts) {
      if (ctx.deadlineAt <= now) ctx.cancel.cancel("deadline");
      if (this.#watched.has(ctx) || now - ctx.startedAt < tickMs) continue;
      this.#watched.add(ctx);
      ctx.server.timeout(ctx.request, longestSeconds);
      const { signal } = ctx.request;
      if (signal.aborted) ctx.cancel.cancel("client-gone");
      else signal.addEventListener("abort", () => ctx.cancel.cancel("client-gone"), { once: true });
    }
  }

  /** Whether the context was looked at, and so has a longer idle timer than its connection should. */
  wasWatched(ctx: RequestContext): boolean {
    return this.#watched.has(ctx);
  }
}
