import { mostShared, type SharedCounts, type SharedPlace } from "./shared-counts.ts";
import {
  type Count,
  FixedWindows,
  SlidingWindows,
  type WindowCounters,
} from "./window-counters.ts";

/** Times of shared counts are in hundredths of a second: 2^31 of them are 248 days. */
const unitMs = 10;

/** By how much the clock may be set back before windows begin anew, in units. */
const slack = 6000;

/** Most places that are remembered instead of computed: a microsecond each. */
const maxPlaces = 65_536;

/** Milliseconds of a clock that all processes of a machine have: theirs of `performance` differ. */
export type SharedClock = () => number;

/** {@link FixedWindows} of several processes together. */
export class SharedFixedWindows implements WindowCounters {
  readonly #counts: SharedCounts;
  readonly #owner: string;
  readonly #places = new Map<string, SharedPlace>();
  readonly #clock: SharedClock;
  readonly #own = new FixedWindows();

  /** @param owner what is counted: equal texts of several processes count together. */
  constructor(counts: SharedCounts, owner: string, clock: SharedClock = Date.now) {
    this.#counts = counts;
    this.#owner = owner;
    this.#clock = clock;
  }

  count(key: string, limit: number, windowMs: number, nowMs: number): Count {
    if (limit > mostShared) return this.#own.count(key, limit, windowMs, nowMs);
    const now = Math.floor(this.#clock() / unitMs) | 0;
    const length = Math.ceil(windowMs / unitMs);
    const place = this.#place(key);
    const { accepted, used, left } = this.#counts.take(place, limit, now, length, length + slack);
    return { accepted, remaining: Math.max(0, limit - used), resetMs: left * unitMs };
  }

  #place(key: string): SharedPlace {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.#counts.place(`${this.#owner}\n${key}`);
    remember(this.#places, key, place);
    return place;
  }
}

interface Aligned {
  readonly index: number;
  readonly windowMs: number;
  readonly current: SharedPlace;
  readonly previous: SharedPlace;
}

/** {@link SlidingWindows} of several processes together: each window is a count of its own. */
export class SharedSlidingWindows implements WindowCounters {
  readonly #counts: SharedCounts;
  readonly #owner: string;
  readonly #windows = new Map<string, Aligned>();
  readonly #clock: SharedClock;
  readonly #own = new SlidingWindows();

  /** @param owner what is counted: equal texts of several processes count together. */
  constructor(counts: SharedCounts, owner: string, clock: SharedClock = Date.now) {
    this.#counts = counts;
    this.#owner = owner;
    this.#clock = clock;
  }

  count(key: string, limit: number, windowMs: number, nowMs: number): Count {
    if (limit > mostShared) return this.#own.count(key, limit, windowMs, nowMs);
    const timeMs = this.#clock();
    const now = Math.floor(timeMs / unitMs) | 0;
    const leftMs = windowMs - (timeMs % windowMs);
    const window = this.#at(key, windowMs, Math.floor(timeMs / windowMs));
    const previous = this.#counts.read(window.previous, now);
    const carried = (previous / windowMs) * leftMs;
    const most = Math.max(Math.ceil(limit - carried), 0);
    // Kept until the next window, which it is the previous one of, is over as well.
    const length = Math.ceil((leftMs + windowMs) / unitMs);
    const longest = Math.ceil((2 * windowMs) / unitMs) + slack;
    const { accepted, used } = this.#counts.take(window.current, most, now, length, longest);
    if (accepted) {
      const remaining = Math.max(0, Math.floor(limit - used - carried));
      return { accepted, remaining, resetMs: leftMs };
    }
    if (used >= limit) return { accepted, remaining: 0, resetMs: leftMs };
    const resetMs = Math.max(0, leftMs - ((limit - used) * windowMs) / previous);
    return { accepted, remaining: 0, resetMs };
  }

  #at(key: string, windowMs: number, index: number): Aligned {
    const known = this.#windows.get(key);
    if (known?.index === index && known.windowMs === windowMs) return known;
    const place = (of: number) => this.#counts.place(`${this.#owner}\n${windowMs} ${of} ${key}`);
    const window = { index, windowMs, current: place(index), previous: place(index - 1) };
    this.#windows.delete(key);
    remember(this.#windows, key, window);
    return window;
  }
}

/** Puts an entry into a map that forgets the oldest ones. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size <= maxPlaces) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
