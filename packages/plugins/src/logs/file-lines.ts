import { appendFile } from "node:fs/promises";
import type { PluginLog } from "@catena/pipeline";

/** Most that waits for a file, in characters; further lines are dropped and counted. */
const maxWaiting = 16 * 1024 * 1024;

/**
 * Appends lines to a file, those of one moment in one write, so that lines of several processes do not
 * mix. The file need not exist; its folder must.
 */
export class FileLines {
  readonly #path: string;
  readonly #log: PluginLog;
  readonly #limit: number;
  #waiting: string[] = [];
  #length = 0;
  #dropped = 0;
  #writing: Promise<void> | null = null;

  constructor(path: string, log: PluginLog, limit = maxWaiting) {
    this.#path = path;
    this.#log = log;
    this.#limit = limit;
  }

  /** @param line with its end. */
  write(line: string): void {
    if (this.#length + line.length > this.#limit) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#length += line.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything was written, or given up. */
  async close(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // What else is logged in this turn of the event loop goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#length = 0;
      try {
        await appendFile(this.#path, lines.join(""));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.error("log entries can't be written", {
          path: this.#path,
          entries: lines.length,
          reason,
        });
      }
      this.#tellDropped();
    }
    this.#writing = null;
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#log.error("log entries are dropped: the file is too slow", { path: this.#path, dropped });
  }
}
