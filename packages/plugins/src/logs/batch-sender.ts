import type { PluginLog } from "@catena/pipeline";

/** How entries are sent together; times in milliseconds. */
export interface BatchOptions {
  readonly name: string;
  readonly maxEntries: number;
  readonly inactiveMs: number;
  readonly durationMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
}

/** Entries that wait or are on their way, of all who share the limit. */
export class PendingEntries {
  count = 0;
  dropped = 0;
  /** Of {@link dropped}, those that were told in the log. */
  #told = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Takes a place, or tells, at most once a second, how many did not get one. */
  enter(limit: number, log: PluginLog, name: string): boolean {
    if (this.count < limit) {
      this.count++;
      return true;
    }
    this.dropped++;
    const now = performance.now();
    if (now - this.#toldAt >= 1000) {
      log.error("log entries are dropped: too many wait", {
        name,
        limit,
        dropped: this.dropped - this.#told,
      });
      this.#told = this.dropped;
      this.#toldAt = now;
    }
    return false;
  }

  leave(count: number): void {
    this.count -= count;
  }
}

interface Batch<T> {
  readonly entries: readonly T[];
  failures: number;
}

/**
 * Sends entries together: when there are enough of them, when none came for a while, or when the
 * first has waited long enough (apisix/utils/batch-processor.lua). Entries whose tries have all failed
 * are dropped and counted. Timers do not keep the process alive; {@link close} does what is left.
 */
export class BatchSender<T> {
  readonly #options: BatchOptions;
  readonly #limit: number;
  readonly #pending: PendingEntries;
  readonly #send: (entries: readonly T[]) => Promise<void>;
  readonly #log: PluginLog;
  #waiting: T[] = [];
  #firstAt = 0;
  #lastAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #retrying = new Map<Batch<T>, ReturnType<typeof setTimeout>>();
  readonly #underWay = new Set<Promise<void>>();
  #isClosed = false;

  /** @param send rejects when the entries were not taken. */
  constructor(
    options: BatchOptions,
    limit: number,
    pending: PendingEntries,
    send: (entries: readonly T[]) => Promise<void>,
    log: PluginLog,
  ) {
    this.#options = options;
    this.#limit = limit;
    this.#pending = pending;
    this.#send = send;
    this.#log = log;
  }

  push(entry: T): void {
    if (!this.#pending.enter(this.#limit, this.#log, this.#options.name)) return;
    this.#waiting.push(entry);
    this.#lastAt = performance.now();
    if (this.#waiting.length === 1) this.#firstAt = this.#lastAt;
    if (this.#waiting.length >= this.#options.maxEntries || this.#isClosed) this.#flush();
    else if (this.#timer === null) this.#arm(this.#options.inactiveMs);
  }

  /** Sends what waits, tries once more what failed, and waits for all that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    for (const [batch, timer] of this.#retrying) {
      clearTimeout(timer);
      this.#try(batch);
    }
    this.#retrying.clear();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const { inactiveMs, durationMs } = this.#options;
      const dueAt = Math.min(this.#lastAt + inactiveMs, this.#firstAt + durationMs);
      const leftMs = dueAt - performance.now();
      if (this.#waiting.length === 0) return;
      if (leftMs <= 0) this.#flush();
      else this.#arm(leftMs);
    }, delayMs);
    this.#timer.unref();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting.length === 0) return;
    this.#try({ entries: this.#waiting, failures: 0 });
    this.#waiting = [];
  }

  #try(batch: Batch<T>): void {
    const sent = this.#send(batch.entries).then(
      () => this.#pending.leave(batch.entries.length),
      (error: unknown) => this.#failed(batch, error),
    );
    this.#underWay.add(sent);
    void sent.then(() => this.#underWay.delete(sent));
  }

  #failed(batch: Batch<T>, error: unknown): void {
    const { name, retries, retryDelayMs } = this.#options;
    const { length: entries } = batch.entries;
    const reason = error instanceof Error ? error.message : String(error);
    batch.failures++;
    if (batch.failures > retries || this.#isClosed) {
      this.#pending.leave(entries);
      this.#pending.dropped += entries;
      this.#log.error("log entries are dropped: they can't be sent", { name, entries, reason });
      return;
    }
    this.#log.warn("log entries can't be sent yet", { name, entries, reason });
    const timer = setTimeout(() => {
      this.#retrying.delete(batch);
      this.#try(batch);
    }, retryDelayMs);
    timer.unref();
    this.#retrying.set(batch, timer);
  }
}
