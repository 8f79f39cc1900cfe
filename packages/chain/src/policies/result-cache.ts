import type { StepResult } from "../step-result.ts";

/** What an entry costs beside its texts and bytes: objects, map slots. Measured at about 400. */
const ENTRY_BYTES = 512;
/** A single entry may take this part of the whole. */
const LARGEST_PART = 8;

export interface CachedResult {
  readonly result: StepResult;
  /** On the clock's monotonic scale. */
  readonly storedAtMs: number;
  readonly sizeBytes: number;
}

/** Results of steps by key, the least recently used dropped first; bounded in bytes. */
export class ResultCache {
  readonly #entries = new Map<string, CachedResult>();
  readonly #maxBytes: number;
  /** Keys that are being called again in the background. */
  readonly refreshing = new Set<string>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  get(key: string): CachedResult | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A map keeps the order of insertion: the first is the one not used for longest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: string, result: StepResult, nowMs: number): void {
    this.delete(key);
    const sizeBytes = sizeOf(key, result);
    if (sizeBytes > this.#maxBytes / LARGEST_PART) return;
    this.#entries.set(key, { result, storedAtMs: nowMs, sizeBytes });
    this.#bytes += sizeBytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.sizeBytes;
  }
}

function sizeOf(key: string, { reply, view }: StepResult): number {
  let size = ENTRY_BYTES + key.length;
  // The view holds the text and slices of it; two bytes a character where it is not latin1.
  if (view !== null) size += view.raw.length * 2;
  if (reply === null) return size;
  for (const text of reply.headers) size += text.length;
  return reply.body instanceof Uint8Array ? size + reply.body.length : size;
}
