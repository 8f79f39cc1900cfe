import {
  type AskWorker,
  createSharedMemory,
  type GatewayStatus,
  ListenerOrder,
  type Log,
  mergeStatus,
  type Settings,
  version,
} from "@catena/gateway";
import { workerErrors } from "./errors.ts";
import { Place, reportOf } from "./place.ts";
import { sharedFd, WorkerHandle } from "./worker-handle.ts";

export interface SupervisorOptions {
  readonly count: number;
  /** As workers get them: a port that is known, no keys of the Admin API. */
  readonly settings: Settings;
  readonly log: Log;
}

/** For what the Control API asks of a worker. */
const controlLimitMs = 30_000;

/** How long a reload waits for a new worker to be ready, in milliseconds. */
const readyLimitMs = 60_000;

/** What a stop may take beyond what the settings allow, in milliseconds. */
const stopMarginMs = 5000;

/** How long workers get that were told to give up what is in flight, in milliseconds. */
const forcedStopMs = 300;

/**
 * Starts the workers of a gateway, replaces those that end, and lets others take their places one
 * after another on a reload. It handles no request of a client.
 */
export class Supervisor {
  readonly #places: readonly Place[];
  readonly #leaving = new Set<WorkerHandle>();
  readonly #order = new ListenerOrder<WorkerHandle>();
  readonly #log: Log;
  /** A descriptor; what workers count in it outlives each of them. */
  readonly #memory = createSharedMemory();
  #settings: Settings;
  #opening: Promise<unknown> = Promise.resolve();
  #parting: Promise<unknown> = Promise.resolve();
  #isReloading = false;
  /** Settings that the next reload is to be with. */
  #wanted: Settings | null = null;
  #isStarted = false;
  #stopping = false;

  constructor({ count, settings, log }: SupervisorOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#places = Array.from({ length: count }, (_, index) => new Place(index));
  }

  /**
   * Resolves when every worker listens, whether or not the store answers.
   *
   * @throws WORKER_ENDED, or what a worker failed with: LISTEN_FAILED, say.
   */
  async start(): Promise<void> {
    const workers = this.#places.map((place) => {
      place.worker = this.#spawn(place);
      return place.worker;
    });
    for (const worker of workers) {
      if ((await worker.started.reached) && (await this.#open(worker))) continue;
      throw worker.failure ?? workerErrors.WORKER_ENDED({ how: worker.ending });
    }
    this.#isStarted = true;
    for (const place of this.#places) {
      if (place.worker?.hasEnded) this.#onEnded(place, place.worker);
    }
  }

  /**
   * Replaces every worker by one with these settings, one after another. Told again meanwhile, it begins
   * once more with the latest ones.
   */
  async reload(settings: Settings): Promise<void> {
    this.#wanted = settings;
    if (this.#isReloading) return;
    this.#isReloading = true;
    while (this.#wanted !== null && !this.#stopping) {
      const wanted: Settings = this.#wanted;
      this.#wanted = null;
      await this.#reloadAll(wanted);
    }
    this.#isReloading = false;
  }

  async status(): Promise<GatewayStatus> {
    const reports = this.#places.map((place) => place.report());
    const leaving = [...this.#leaving].map((worker) => reportOf(worker, "leaving"));
    return mergeStatus(await Promise.all([...reports, ...leaving]), {
      version,
      storeUrl: this.#settings.store,
      isStopping: this.#stopping,
    });
  }

  /** `null` when ready, else the reason why not. */
  notReady(): string | null {
    if (this.#stopping) return "stopping";
    if (!this.#isStarted) return "workers start";
    const failing = this.#places.find(({ isFailing }) => isFailing);
    if (failing !== undefined) {
      return `${failing.policy.early} workers in a row ended soon after their start: see the log`;
    }
    const serving = this.#places.flatMap(({ serving: one }) => one ?? []);
    if (serving.length === 0) return "no worker serves";
    return serving.every(({ loaded }) => loaded.isReached)
      ? null
      : "no configuration yet: see /status";
  }

  /** The Control APIs of the workers that serve. */
  askers(): readonly AskWorker[] {
    return this.#places.flatMap(({ serving }): AskWorker[] =>
      serving === null
        ? []
        : [(method, target, accept) => serving.control({ method, target, accept }, controlLimitMs)],
    );
  }

  /** Stops all of them gracefully; a second call ends what is left. Resolves when none is left. */
  async stop(): Promise<void> {
    const all = this.#processes();
    if (this.#stopping) {
      for (const worker of all) worker.tell({ kind: "end" });
      await this.#untilEnded(all, forcedStopMs);
      return;
    }
    this.#stopping = true;
    for (const { timer } of this.#places) if (timer !== null) clearTimeout(timer);
    for (const worker of all) {
      if (worker.listening.isReached) worker.tell({ kind: "stop" });
      else worker.kill();
    }
    await this.#untilEnded(all, this.#stopLimitMs());
  }

  #processes(): readonly WorkerHandle[] {
    const placed = this.#places.flatMap(({ worker, next }) => [worker, next]);
    return [...placed.filter((worker) => worker !== null), ...this.#leaving];
  }

  /** Kills those that have not ended in time. */
  async #untilEnded(workers: readonly WorkerHandle[], limitMs: number): Promise<void> {
    const timer = setTimeout(() => {
      for (const worker of workers) if (!worker.hasEnded) worker.kill();
    }, limitMs);
    await Promise.all(workers.map(({ ended }) => ended));
    clearTimeout(timer);
  }

  #stopLimitMs(): number {
    const { drainSeconds, stopSeconds } = this.#settings;
    return (drainSeconds + stopSeconds) * 1000 + stopMarginMs;
  }

  #spawn(place: Place): WorkerHandle {
    const events = {
      onClosed: (one: WorkerHandle) => this.#onClosed(one),
      onReplaceMe: (one: WorkerHandle) => this.#onReplaceMe(place, one),
      onEnded: (one: WorkerHandle) => this.#onEnded(place, one),
    };
    const worker = new WorkerHandle(events, this.#memory);
    const isFirst = place.index === 0;
    const settings = this.#settings;
    worker.tell({ kind: "start", version, settings, isFirst, sharedFd });
    return worker;
  }

  /** Lets a worker listen, one at a time so that their order is known. `false`: it ended. */
  #open(worker: WorkerHandle): Promise<boolean> {
    const opened = this.#opening.then(async () => {
      this.#order.expect();
      worker.tell({ kind: "listen" });
      const isListening = await worker.listening.reached;
      if (isListening) this.#order.add(worker);
      return isListening;
    });
    this.#opening = opened;
    return opened;
  }

  /**
   * Starts a worker and, when it is ready, gives it the place. The one that had it leaves; what it has
   * in flight goes on.
   *
   * @returns whether the place was taken.
   */
  async #replace(place: Place, limitMs: number): Promise<boolean> {
    const next = this.#spawn(place);
    place.next = next;
    const isReady = await this.#untilReady(next, limitMs);
    const isOpen = isReady && !this.#stopping && (await this.#open(next));
    place.next = null;
    if (!isOpen) {
      if (next.failure !== null) {
        this.#log.error("a worker could not start", { reason: next.failure.message });
      }
      next.kill();
      return false;
    }
    const old = place.worker;
    place.worker = next;
    this.#log.info("a worker began to serve", { pid: next.pid, place: place.index });
    if (old !== null && !old.hasEnded) await this.#part(old);
    return true;
  }

  /** Where others have a configuration, one without would answer 503 in their stead. */
  async #untilReady(worker: WorkerHandle, limitMs: number): Promise<boolean> {
    const giveUpAt = performance.now() + limitMs;
    if (!(await worker.started.reached)) return false;
    while (!worker.loaded.isReached) {
      if (worker.hasEnded || performance.now() > giveUpAt || this.#stopping) return false;
      if (!this.#places.some(({ serving }) => serving?.loaded.isReached)) return true;
      await Promise.race([worker.loaded.reached, Bun.sleep(100)]);
    }
    return true;
  }

  /** Resolves when the worker takes no connection any more; it ends by itself later. */
  #part(worker: WorkerHandle): Promise<unknown> {
    const parted = this.#parting.then(async () => {
      if (worker.hasEnded || this.#stopping) return;
      worker.isLeaving = true;
      this.#leaving.add(worker);
      worker.tell({ kind: "leave", seat: this.#order.seatOf(worker) });
      const timer = setTimeout(() => worker.kill(), this.#stopLimitMs());
      void worker.ended.then(() => clearTimeout(timer));
      await worker.closed.reached;
    });
    this.#parting = parted;
    return parted;
  }

  async #reloadAll(settings: Settings): Promise<void> {
    this.#log.info("reloading", { workers: this.#places.length });
    const before = this.#settings;
    this.#settings = settings;
    for (const place of this.#places) {
      place.policy.forgive();
      if (place.timer !== null) clearTimeout(place.timer);
      place.timer = null;
      // One that is being replaced for another reason may have been started before the reload.
      while (place.next !== null) await Promise.race([place.next.ended, Bun.sleep(50)]);
      if (this.#stopping) return;
      if (await this.#replace(place, readyLimitMs)) continue;
      if (this.#stopping) return;
      this.#log.error("the reload ends here: a new worker was not ready, the others serve on", {
        place: place.index,
      });
      // With settings that no worker could start with, none that is replaced later would either.
      if (place.index === 0) this.#settings = before;
      if (place.worker === null) this.#schedule(place, 0);
      return;
    }
    this.#log.info("reloaded", { workers: this.#places.length });
  }

  #onClosed(worker: WorkerHandle): void {
    this.#order.remove(worker, "told");
    if (!this.#leaving.has(worker)) return;
    const other = this.#places.find(({ serving }) => serving !== null);
    other?.serving?.tell({ kind: "rebalance" });
  }

  #onReplaceMe(place: Place, worker: WorkerHandle): void {
    const isUnderWay = worker.isLeaving || place.next !== null || place.timer !== null;
    if (this.#stopping || isUnderWay || place.worker !== worker) return;
    place.restarts++;
    this.#log.warn("a worker is to be replaced", { pid: worker.pid, place: place.index });
    this.#schedule(place, worker.livedMs);
  }

  #onEnded(place: Place, worker: WorkerHandle): void {
    this.#order.remove(worker, "died");
    this.#leaving.delete(worker);
    if (this.#stopping || !this.#isStarted || worker.isLeaving) return;
    this.#log.error("a worker ended", {
      pid: worker.pid,
      place: place.index,
      how: worker.ending,
      lived_ms: Math.round(worker.livedMs),
    });
    if (place.worker !== worker) return;
    place.worker = null;
    place.restarts++;
    // Else the one that is to take the place anyway does so.
    if (place.next === null) this.#schedule(place, worker.livedMs);
  }

  #schedule(place: Place, livedMs: number): void {
    if (place.timer !== null) return;
    const delay = place.policy.delayAfter(livedMs);
    if (place.policy.isStorm) {
      this.#log.error("workers end soon after their start: not ready", {
        place: place.index,
        in_a_row: place.policy.early,
        next_try_seconds: delay / 1000,
      });
    }
    place.timer = setTimeout(() => {
      place.timer = null;
      void this.#retry(place);
    }, delay);
  }

  async #retry(place: Place): Promise<void> {
    const before = performance.now();
    if (await this.#replace(place, Number.POSITIVE_INFINITY)) return;
    if (this.#stopping || place.serving !== null) return;
    this.#schedule(place, performance.now() - before);
  }
}
