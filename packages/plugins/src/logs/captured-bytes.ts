/** The first bytes of a body that passes by, and how many there were in all. */
export class CapturedBytes {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #kept = 0;
  total = 0;

  /** @param limit bytes that are kept; 0 only counts. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  take(chunk: Uint8Array): void {
    this.total += chunk.byteLength;
    const room = this.#limit - this.#kept;
    if (room <= 0) return;
    const part = chunk.byteLength > room ? chunk.slice(0, room) : chunk;
    this.#chunks.push(part);
    this.#kept += part.byteLength;
  }

  /** Whether all that passed was kept. */
  get isWhole(): boolean {
    return this.total === this.#kept;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#kept);
  }
}

/**
 * A stream that goes on as another and shows every chunk. It tells once that it ended, and whether that
 * was its own end: it may have failed, or nobody may have wanted the rest.
 */
export function watchStream(
  body: ReadableStream<Uint8Array>,
  see: (chunk: Uint8Array) => void,
  ended: (isWhole: boolean) => void = () => undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          see(value);
          controller.enqueue(value);
          return;
        }
        ended(true);
        controller.close();
      } catch {
        ended(false);
        controller.error(undefined);
      }
    },
    cancel() {
      ended(false);
      return reader.cancel();
    },
  });
}
