import { constants, createGzip, gzipSync } from "node:zlib";
import type { GatewayReply } from "@catena/pipeline";

type Body = GatewayReply["body"];

export interface GzipOptions {
  /** 1 to 9. */
  readonly level: number;
  /** Sends each piece at once, for bodies that are events; costs compression. */
  readonly flushes: boolean;
}

/** Compresses a body; a stream goes on being one. */
export function gzipBody(body: Body, options: GzipOptions): Body {
  if (body === null) return null;
  if (body instanceof ReadableStream) return gzipStream(body, options);
  return gzipSync(body, { level: options.level });
}

function gzipStream(
  body: ReadableStream<Uint8Array>,
  { level, flushes }: GzipOptions,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const gzip = createGzip({
    level,
    ...(flushes ? { flush: constants.Z_SYNC_FLUSH } : {}),
  });
  const compressed: Uint8Array[] = [];
  gzip.on("data", (chunk: Uint8Array) => compressed.push(chunk));
  const write = (chunk: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      gzip.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  const end = (): Promise<void> =>
    new Promise((resolve, reject) => {
      gzip.once("end", resolve).once("error", reject);
      gzip.end();
    });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        // The compressor keeps small pieces back: a pull that gives nothing would not come again.
        while (compressed.length === 0) {
          const { done, value } = await reader.read();
          if (!done) {
            await write(value);
            continue;
          }
          await end();
          for (const chunk of compressed.splice(0)) controller.enqueue(chunk);
          controller.close();
          return;
        }
        for (const chunk of compressed.splice(0)) controller.enqueue(chunk);
      } catch {
        gzip.destroy();
        controller.error(undefined);
      }
    },
    cancel() {
      gzip.destroy();
      return reader.cancel();
    },
  });
}
