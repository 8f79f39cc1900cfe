import { sweepUndo, type UndoSweep } from "@catena/chain";
import type { TargetResolver } from "@catena/pipeline";
import type { ConfigStore } from "@catena/store";
import { CancelScope } from "@catena/upstream";
import type { Log } from "./log.ts";

export interface UndoSweeperOptions {
  readonly store: ConfigStore;
  readonly targets: TargetResolver;
  /** Between two passes; 0 makes none. */
  readonly everySeconds: number;
  /** Before the upstreams are known no undo call has anywhere to go. */
  readonly mayBegin: () => boolean;
  readonly random: () => number;
  readonly log: Log;
}

/**
 * Works off what processes that were killed in the middle of a chain left done: as soon as their claim
 * on a record is over, one of the gateways of a store makes the undo calls. See {@link sweepUndo}.
 */
export class UndoSweeper {
  readonly #options: UndoSweeperOptions;
  readonly #cancel = new CancelScope();
  readonly #seen = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pass: Promise<void> = Promise.resolve();

  constructor(options: UndoSweeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { everySeconds, random } = this.#options;
    if (everySeconds === 0 || this.#cancel.reason !== null) return;
    // Spread, so that gateways started together do not all ask at once.
    this.#timer = setTimeout(
      () => {
        this.#pass = this.#sweep().finally(() => this.start());
      },
      everySeconds * (500 + 1000 * random()),
    );
    this.#timer.unref();
  }

  /** Gives up what is in flight; resolves when the records are as another gateway may find them. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#cancel.cancel("shutdown");
    await this.#pass;
  }

  async #sweep(): Promise<void> {
    const { store, targets, mayBegin, log } = this.#options;
    if (!mayBegin()) return;
    try {
      this.#report(await sweepUndo(store, { targets, cancel: this.#cancel }));
    } catch (error) {
      // The next pass asks again; that the store is away is told elsewhere.
      log.warn("undo records could not be read", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #report({ worked, waiting }: UndoSweep): void {
    const { log } = this.#options;
    for (const { id, left } of worked) {
      if (left === null) log.warn("a chain of a process that is gone was undone", { record: id });
      else this.#tell(id);
    }
    for (const id of waiting) this.#tell(id);
    const open = new Set([...waiting, ...worked.map(({ id }) => id)]);
    for (const id of this.#seen) if (!open.has(id)) this.#seen.delete(id);
  }

  /** Once per record and process. */
  #tell(id: string): void {
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#options.log.error("steps of a chain are left undone", {
      record: id,
      do: "see catena undo list",
    });
  }
}
