import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname, resolve } from "node:path";

export interface FileWatchOptions {
  /** Files and folders a user named; of folders everything below them. */
  readonly paths: readonly string[];
  /** Called when something may have changed; calls that come close together are one. */
  onChange(): void;
}

/** Editors write a file in several steps; changes within this time, in milliseconds, are one. */
const settleMs = 15;

/** Not every file system tells of changes (network, some mounts): then this long is waited. */
const pollMs = 1_000;

/** Tells when files may have changed. Whether they did is {@link signatureOf}'s to find out. */
export class FileWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor({ paths, onChange }: FileWatchOptions) {
    this.#onChange = onChange;
    for (const path of paths) {
      if (isFolder(path)) this.#watch(resolve(path), true);
      else this.add([path]);
    }
    this.#poll = setInterval(onChange, pollMs);
  }

  /**
   * Watches more files. It is their folders that are watched: an editor that replaces a file by
   * renaming another takes away what a watch on the file itself was on.
   */
  add(files: readonly string[]): void {
    for (const file of files) {
      const folder = dirname(resolve(file));
      const isCovered = [...this.#watchers.keys()].some(
        (watched) => folder === watched || folder.startsWith(`${watched}/`),
      );
      if (!isCovered) this.#watch(folder, false);
    }
  }

  stop(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    clearInterval(this.#poll);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #watch(folder: string, recursive: boolean): void {
    try {
      const watcher = watch(folder, { recursive }, () => this.#settle());
      // A folder that is removed is found by the next poll.
      watcher.on("error", () => undefined);
      this.#watchers.set(folder, watcher);
    } catch {
      // No more watches, or none on this file system; polling remains.
    }
  }

  #settle(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#onChange();
    }, settleMs);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Differs when one of the files was written, came or went. */
export function signatureOf(files: readonly string[]): string {
  return files.map((file) => `${file} ${stateOf(file)}`).join("\n");
}

function stateOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "-";
  }
}
