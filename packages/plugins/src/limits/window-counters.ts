/** Most keys one limit counts for; beyond, the key that was counted first is forgotten. */
const maxKeys = 65_536;

/** What counting one request gave. */
export interface Count {
  readonly accepted: boolean;
  /** Requests that are still free; 0 when this one was too many. */
  readonly remaining: number;
  /** Milliseconds until the window ends, or until there may be room. */
  readonly resetMs: number;
}

/** Counts requests per key in windows of time; times are milliseconds of one clock. */
export interface WindowCounters {
  count(key: string, limit: number, windowMs: number, nowMs: number): Count;
}

interface FixedWindow {
  used: number;
  endsAtMs: number;
}

/**
 * Windows that begin with the first request of a key (lua-resty-limit-traffic, limit.count).
 *
 * Windows of one length end in the order they began, which is the order of a `Map`: what ended is
 * found at its front, so that forgetting it costs no search.
 */
export class FixedWindows implements WindowCounters {
  readonly #windows = new Map<string, FixedWindow>();

  get size(): number {
    return this.#windows.size;
  }

  count(key: string, limit: number, windowMs: number, nowMs: number): Count {
    const window = this.#windows.get(key);
    if (window !== undefined && window.endsAtMs > nowMs) {
      const resetMs = window.endsAtMs - nowMs;
      if (window.used >= limit) return { accepted: false, remaining: 0, resetMs };
      window.used++;
      return { accepted: true, remaining: limit - window.used, resetMs };
    }
    // Deleted first, so that it stands at the end again.
    this.#windows.delete(key);
    this.#makeRoom(nowMs);
    this.#windows.set(key, { used: 1, endsAtMs: nowMs + windowMs });
    return { accepted: true, remaining: limit - 1, resetMs: windowMs };
  }

  #makeRoom(nowMs: number): void {
    for (const [key, window] of this.#windows) {
      if (window.endsAtMs > nowMs && this.#windows.size < maxKeys) return;
      this.#windows.delete(key);
    }
  }
}

interface SlidingWindow {
  /** Number of the current window since the clock's zero. */
  index: number;
  current: number;
  previous: number;
  windowMs: number;
}

/**
 * Two aligned windows; the share of the previous one that the last `windowMs` still reach into
 * counts with the current one (apisix/plugins/limit-count/sliding-window).
 */
export class SlidingWindows implements WindowCounters {
  readonly #windows = new Map<string, SlidingWindow>();

  get size(): number {
    return this.#windows.size;
  }

  count(key: string, limit: number, windowMs: number, nowMs: number): Count {
    const window = this.#at(key, windowMs, nowMs);
    const leftMs = windowMs - (nowMs % windowMs);
    const carried = (window.previous / windowMs) * leftMs;
    if (window.current >= limit) return { accepted: false, remaining: 0, resetMs: leftMs };
    if (carried + window.current >= limit) {
      const resetMs = Math.max(0, leftMs - ((limit - window.current) * windowMs) / window.previous);
      return { accepted: false, remaining: 0, resetMs };
    }
    window.current++;
    const remaining = Math.max(0, Math.floor(limit - window.current - carried));
    return { accepted: true, remaining, resetMs: leftMs };
  }

  #at(key: string, windowMs: number, nowMs: number): SlidingWindow {
    const index = Math.floor(nowMs / windowMs);
    const known = this.#windows.get(key);
    if (known !== undefined && known.windowMs === windowMs && known.index === index) return known;
    const previous = known?.windowMs === windowMs && known.index === index - 1 ? known.current : 0;
    this.#windows.delete(key);
    this.#makeRoom(nowMs);
    const window = { index, current: 0, previous, windowMs };
    this.#windows.set(key, window);
    return window;
  }

  #makeRoom(nowMs: number): void {
    for (const [key, window] of this.#windows) {
      const isOver = (window.index + 2) * window.windowMs <= nowMs;
      if (!isOver && this.#windows.size < maxKeys) return;
      this.#windows.delete(key);
    }
  }
}
