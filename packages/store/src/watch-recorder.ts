import type {
  Change,
  ResetReason,
  StoreEntry,
  StoreList,
  WatchHandler,
  WatchState,
} from "./store.ts";

/** A watch handler for tests: keeps what it is told, and folds it into the state it describes. */
export class WatchRecorder implements WatchHandler {
  readonly batches: { readonly changes: readonly Change[]; readonly revision: number }[] = [];
  readonly resets: { readonly list: StoreList; readonly reason: ResetReason }[] = [];
  readonly states: WatchState[] = [];
  readonly entries = new Map<string, StoreEntry>();

  constructor(start?: StoreList) {
    if (start) this.#replace(start);
  }

  onChanges(changes: readonly Change[], revision: number): void {
    this.batches.push({ changes, revision });
    for (const change of changes) {
      if (change.kind === "put") this.entries.set(change.entry.key, change.entry);
      else this.entries.delete(change.key);
    }
  }

  onReset(list: StoreList, reason: ResetReason): void {
    this.resets.push({ list, reason });
    this.#replace(list);
  }

  onState(state: WatchState): void {
    this.states.push(state);
  }

  get changes(): readonly Change[] {
    return this.batches.flatMap(({ changes }) => changes);
  }

  get isConnected(): boolean {
    return this.states.at(-1)?.kind === "connected";
  }

  /** The folded state as `key=value` lines in byte order. */
  get folded(): readonly string[] {
    return render([...this.entries.values()]);
  }

  value(key: string): string | undefined {
    return this.entries.get(key)?.value;
  }

  #replace(list: StoreList): void {
    this.entries.clear();
    for (const entry of list.entries) this.entries.set(entry.key, entry);
  }
}

/** Words entries with their revisions as sorted lines, to compare a folded watch with a list. */
export function render(entries: readonly StoreEntry[]): readonly string[] {
  return entries
    .map((e) => `${e.key}=${e.value} created ${e.createRevision} modified ${e.modRevision}`)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * Waits until a condition holds.
 *
 * @throws when it does not within 20 s, naming what was waited for
 */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited 20 s for: ${what}`);
    await Bun.sleep(2);
  }
}
