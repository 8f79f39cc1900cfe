import {
  type Change,
  type ConfigStore,
  type ResetReason,
  StagedWatch,
  type StoreList,
  type StoreWatch,
} from "@catena/store";
import type { Log } from "../log.ts";

/** Where the configuration that is served comes from, for `/status`. */
export interface SyncState {
  readonly connected: boolean;
  /** Why not, or why the last attempt failed; `null` when all is well. */
  readonly reason: string | null;
  /** ISO time of the last change of `connected`. */
  readonly since: string;
  /** Revision of the store that is applied; `null` before the first list. */
  readonly revision: number | null;
  /** Deletions that a store which came back with less would have caused; `null` when none are held. */
  readonly held: HeldDeletions | null;
}

export interface HeldDeletions {
  readonly reason: string;
  readonly since: string;
  readonly keys: readonly string[];
}

/** What follows the store: the resource table, and everything compiled from it. */
export interface SyncTarget {
  /**
   * Gets what changes need that is not known yet, before they are applied.
   *
   * @returns `null` when nothing has to be waited for; a promise that never rejects and is bounded.
   */
  prepare(changes: readonly Change[]): Promise<void> | null;
  /** Applies changes in one synchronous step: a request sees all of them or none. */
  apply(changes: readonly Change[], revision: number): void;
  /** Keys currently applied, to find what a full list no longer has. */
  keys(): Iterable<string>;
  /** Revision at which a key was last changed; `undefined` when it is not applied. */
  modRevision(key: string): number | undefined;
}

export interface SyncOptions {
  readonly store: ConfigStore;
  /** With a trailing slash: `/apisix/` must not catch `/apisix2/`. */
  readonly prefix: string;
  readonly target: SyncTarget;
  readonly log: Log;
  readonly random: () => number;
}

/** What the store told, waiting for its turn. */
interface Step {
  readonly revision: number;
  /** Made when it is the step's turn, from what is applied then. */
  readonly changes: () => readonly Change[];
  readonly done: () => void;
}

/** Longest pause between two attempts to list, in milliseconds. */
const retryMs = 1000;

/** With more steps behind it, none is waited for: what they need comes when it comes. */
const maxWaiting = 1000;

/** A store that came back with less may delete this share of the keys without being asked about. */
const heldShare = 0.2;

/**
 * Keeps the target equal to the store: lists, then watches from the next revision. Serving never
 * waits for it: while the store is away the last configuration stays.
 *
 * A store that was wiped or restored from an old backup is not an order to delete everything: what it
 * lacks stays, is shown on `/status`, and goes when the operator accepts it ({@link acceptHeld}).
 */
export class ConfigSync {
  readonly #options: SyncOptions;
  /** Writes too large for one transaction of the store become visible at once too. */
  readonly #staged: StagedWatch;
  #watch: StoreWatch | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;
  #connected = false;
  #reason: string | null = "not connected yet";
  #since = new Date().toISOString();
  #revision: number | null = null;
  #held = new Map<string, number>();
  #heldReason = "";
  #heldSince = "";
  /** Steps behind the one that waits for what its changes need. */
  readonly #steps: Step[] = [];
  #isWaiting = false;
  #firstList: () => void = () => undefined;
  /** Resolves when the first list is applied. */
  readonly ready: Promise<void>;

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#staged = new StagedWatch(options.prefix, (id) =>
      options.log.error("a staged write cannot be read and is left out", { id }),
    );
    this.ready = new Promise((resolve) => {
      this.#firstList = resolve;
    });
  }

  get state(): SyncState {
    return {
      connected: this.#connected,
      reason: this.#reason,
      since: this.#since,
      revision: this.#revision,
      held:
        this.#held.size === 0
          ? null
          : { reason: this.#heldReason, since: this.#heldSince, keys: [...this.#held.keys()] },
    };
  }

  /** Begins to follow the store; returns at once and keeps trying until stopped. */
  start(): void {
    const { store, prefix, log } = this.#options;
    store
      .list(prefix)
      .then(
        (list) => {
          if (this.#stopped) return;
          this.#reset(list, "verified", this.#firstList);
          this.#setConnected(true, null);
          this.#follow(list.revision + 1);
        },
        (error: unknown) => {
          if (this.#stopped) return;
          this.#setConnected(false, message(error));
          this.#retry = setTimeout(
            () => this.start(),
            retryMs * (0.5 + this.#options.random() / 2),
          );
        },
      )
      .catch((error: unknown) => {
        log.error("applying the store's list failed", { reason: message(error) });
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#watch?.close();
  }

  /** Deletes what was held back. @returns how many items go. */
  acceptHeld(): number {
    const count = this.#held.size;
    if (count === 0) return 0;
    const changes = (): readonly Change[] => {
      // What was written since then is not held any more.
      const held = [...this.#held];
      this.#held.clear();
      return held.map(([key, revision]) => ({ kind: "delete", key, revision }));
    };
    this.#take({ revision: this.#revision ?? 0, changes, done: noop });
    this.#options.log.warn("held deletions were accepted", { count });
    return count;
  }

  #follow(fromRevision: number): void {
    const { store, prefix } = this.#options;
    this.#watch = store.watch(prefix, fromRevision, {
      onChanges: (changes, revision) =>
        this.#take({
          revision,
          changes: () =>
            this.#staged.apply(changes, (key) => this.#options.target.modRevision(key)),
          done: noop,
        }),
      onReset: (list, reason) => this.#reset(list, reason, noop),
      onState: (state) =>
        state.kind === "connected"
          ? this.#setConnected(true, null)
          : this.#setConnected(false, state.reason),
    });
  }

  /** One step after the other, in the order of the store; at once when there is nothing to wait for. */
  #take(step: Step): void {
    if (this.#isWaiting) this.#steps.push(step);
    else this.#run(step);
  }

  #run({ changes, revision, done }: Step): void {
    const { target, log } = this.#options;
    const made = changes();
    const waiting = target.prepare(made);
    if (waiting === null || this.#steps.length > maxWaiting) {
      this.#apply(made, revision);
      done();
      return;
    }
    this.#isWaiting = true;
    void waiting
      .then(() => {
        if (this.#stopped) return;
        this.#apply(made, revision);
        done();
      })
      .catch((error: unknown) => {
        log.error("applying changes of the store failed", { reason: message(error) });
      })
      .then(() => this.#runWaiting());
  }

  #runWaiting(): void {
    this.#isWaiting = false;
    while (!this.#isWaiting && !this.#stopped) {
      const next = this.#steps.shift();
      if (next === undefined) return;
      this.#run(next);
    }
  }

  #apply(changes: readonly Change[], revision: number): void {
    for (const change of changes) {
      this.#held.delete(change.kind === "put" ? change.entry.key : change.key);
    }
    this.#revision = revision;
    this.#options.target.apply(changes, revision);
  }

  #reset(stored: StoreList, reason: ResetReason, done: () => void): void {
    const changes = () => this.#changesTo(stored, reason);
    this.#take({ revision: stored.revision, changes, done });
  }

  /** The changes that lead to a full list. */
  #changesTo(stored: StoreList, reason: ResetReason): readonly Change[] {
    const { target, log } = this.#options;
    const list = this.#staged.reset(stored);
    const changes: Change[] = [];
    const listed = new Set<string>();
    for (const entry of list.entries) {
      listed.add(entry.key);
      // After a regression equal revisions say nothing: they may belong to another history.
      const same = reason !== "regressed" && target.modRevision(entry.key) === entry.modRevision;
      if (!same) changes.push({ kind: "put", entry });
    }
    const missing: string[] = [];
    let known = 0;
    for (const key of target.keys()) {
      known++;
      if (!listed.has(key)) missing.push(key);
    }
    if (reason === "regressed" && missing.length > known * heldShare) {
      this.#hold(missing, list.revision);
    } else {
      for (const key of missing) changes.push({ kind: "delete", key, revision: list.revision });
    }
    if (reason !== "verified") {
      log.warn("the store was listed again", {
        reason,
        revision: list.revision,
        changes: changes.length,
      });
    }
    return changes;
  }

  #hold(keys: readonly string[], revision: number): void {
    this.#heldReason = "the store came back with less than is served";
    this.#heldSince = new Date().toISOString();
    for (const key of keys) this.#held.set(key, revision);
    this.#options.log.error("deletions are held back until accepted", {
      reason: this.#heldReason,
      count: keys.length,
    });
  }

  #setConnected(connected: boolean, reason: string | null): void {
    if (this.#connected !== connected) {
      this.#since = new Date().toISOString();
      if (connected) this.#options.log.info("store connected");
      else this.#options.log.warn("store disconnected", { reason });
    }
    this.#connected = connected;
    this.#reason = reason;
  }
}

function noop(): void {}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
