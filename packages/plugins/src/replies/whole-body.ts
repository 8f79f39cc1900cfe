import type { GatewayReply } from "@catena/pipeline";

type Body = GatewayReply["body"];

/** Gives up a body nobody will read, so that its connection to the upstream is freed. */
export function discardBody(body: Body): void {
  // The upstream may have failed already; nobody is left to be told.
  if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
}

/**
 * Makes another body of a whole one. A stream is read when the client asks for it, at most
 * `limitBytes` of it: what comes after is dropped.
 *
 * @param change `null` ends the reply with an error, since its headers are out already.
 */
export function changeWholeBody(
  body: Body,
  limitBytes: number,
  change: (bytes: Uint8Array) => Uint8Array | null,
): Body {
  if (body === null) return null;
  if (body instanceof ReadableStream) return changeStream(body, limitBytes, change);
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return change(bytes.subarray(0, limitBytes)) ?? failedStream();
}

function changeStream(
  body: ReadableStream<Uint8Array>,
  limitBytes: number,
  change: (bytes: Uint8Array) => Uint8Array | null,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const changed = change(await readUpTo(reader, limitBytes));
        if (changed === null) {
          // Any other value makes Bun print it.
          controller.error(undefined);
          return;
        }
        controller.enqueue(changed);
        controller.close();
      } catch {
        controller.error(undefined);
      }
    },
    cancel: () => reader.cancel(),
  });
}

/** What of a stream's reader is needed here; the types of Bun and Node differ in the rest. */
interface ChunkReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function readUpTo(reader: ChunkReader, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  while (total < limitBytes) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return Buffer.concat(chunks, total);
    chunks.push(value);
    total += value.byteLength;
  }
  await reader.cancel();
  return Buffer.concat(chunks, total).subarray(0, limitBytes);
}

function failedStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.error(undefined) });
}

/** Puts text around a body; a stream goes on being one. */
export function wrapBody(body: Body, before: string, after: string): Body {
  if (!(body instanceof ReadableStream)) {
    const parts = [Buffer.from(before), Buffer.from(body ?? ""), Buffer.from(after)];
    return Buffer.concat(parts);
  }
  const reader = body.getReader();
  let isFirst = true;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        if (isFirst && before !== "") controller.enqueue(Buffer.from(before));
        isFirst = false;
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        if (after !== "") controller.enqueue(Buffer.from(after));
        controller.close();
      } catch {
        controller.error(undefined);
      }
    },
    cancel: () => reader.cancel(),
  });
}
