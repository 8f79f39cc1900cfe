/** An answer of a name service. */
export interface Answer<T> {
  readonly value: T;
  /** How long it is good for. */
  readonly ttlMs: number;
}

/** What is known of a name: an answer, or why there is none. */
export interface Known<T> {
  readonly value: T | null;
  readonly reason: string;
}

export interface AnswerCacheOptions<T> {
  /**
   * Asks for a name; `null` says that it has no records, a rejection that nobody could be asked.
   *
   * @param last the answer before, for what is to be asked first.
   */
  readonly ask: (name: string, last: T | null) => Promise<Answer<T> | null>;
  /** How long the last answer is used while nobody can be asked. */
  readonly staleMs: number;
  /** How long a failure is remembered, so that a dead name is not asked for by every call. */
  readonly negativeTtlMs: number;
  /** Asking that takes longer has failed. */
  readonly timeoutMs: number;
  /** Names kept; the one asked for longest ago is forgotten first. */
  readonly maxNames: number;
  readonly now: () => number;
}

interface Entry<T> extends Known<T> {
  readonly refreshAt: number;
  readonly expiresAt: number;
  readonly staleAt: number;
}

/** Share of an answer's time after which it is renewed, if used, before it runs out. */
const REFRESH_AFTER = 0.8;

/**
 * Remembers answers for as long as they are good. Names in use are renewed ahead of time, so that no
 * call waits for that; while nobody can be asked, the last answer does for a while.
 */
export class AnswerCache<T> {
  readonly #options: AnswerCacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #pending = new Map<string, Promise<Entry<T>>>();

  constructor(options: AnswerCacheOptions<T>) {
    this.#options = options;
  }

  /** What is known without waiting; `null` when a name has to be asked for. */
  peek(name: string): Known<T> | null {
    const entry = this.#entries.get(name);
    if (entry === undefined) return null;
    const now = this.#options.now();
    if (now >= entry.expiresAt) return null;
    if (now >= entry.refreshAt) this.ask(name).catch(ignore);
    return entry;
  }

  /** Asks for a name, once at a time, however many wait for it. Never rejects. */
  ask(name: string): Promise<Known<T>> {
    const running = this.#pending.get(name);
    if (running !== undefined) return running;
    const started = this.#ask(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, started);
    return started;
  }

  async #ask(name: string): Promise<Entry<T>> {
    const { ask, timeoutMs } = this.#options;
    const last = this.#entries.get(name) ?? null;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("timeout")), timeoutMs);
    let entry: Entry<T>;
    try {
      const answer = await Promise.race([ask(name, last?.value ?? null), late.promise]);
      entry = answer === null ? this.#failure("no records") : this.#success(answer);
    } catch (error) {
      entry = this.#outlast(last, reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
    this.#keep(name, entry);
    return entry;
  }

  #success({ value, ttlMs }: Answer<T>): Entry<T> {
    const now = this.#options.now();
    return {
      value,
      reason: "",
      refreshAt: now + ttlMs * REFRESH_AFTER,
      expiresAt: now + ttlMs,
      staleAt: now + ttlMs + this.#options.staleMs,
    };
  }

  #outlast(last: Entry<T> | null, reason: string): Entry<T> {
    const { now, negativeTtlMs } = this.#options;
    if (last === null || last.value === null || NO_RECORDS.has(reason) || now() >= last.staleAt)
      return this.#failure(reason);
    return { ...last, refreshAt: now() + negativeTtlMs, expiresAt: last.staleAt };
  }

  #failure(reason: string): Entry<T> {
    const expiresAt = this.#options.now() + this.#options.negativeTtlMs;
    return { value: null, reason, refreshAt: expiresAt, expiresAt, staleAt: 0 };
  }

  #keep(name: string, entry: Entry<T>): void {
    // Deleted first, so that the map's order is the order of the last question.
    this.#entries.delete(name);
    if (this.#entries.size >= this.#options.maxNames) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(name, entry);
  }
}

/** Codes that are an answer: the name does not exist, or has no record of the kind. */
const NO_RECORDS = new Set(["ENOTFOUND", "ENODATA"]);

/** Whether an error says that a name has no records, rather than that nobody could be asked. */
export function isNoRecord(error: unknown): boolean {
  return NO_RECORDS.has(reasonOf(error));
}

const ignore = (): void => {};

function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  return error instanceof Error ? error.message : "lookup failed";
}
