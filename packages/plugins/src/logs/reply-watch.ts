import type { GatewayReply, RequestContext } from "@catena/pipeline";
import { CapturedBytes, watchStream } from "./captured-bytes.ts";

interface Watched {
  readonly body: CapturedBytes;
  /** The reply's body that tells when it ends. */
  readonly stream: ReadableStream<Uint8Array> | null;
  /** Called by it, when the log phase has come first. */
  onEnd: (() => void) | null;
  hasEnded: boolean;
}

/**
 * Tells when the last byte of a reply was sent or given up: the log phase comes when its head is. Its
 * two methods belong into the phases bodyFilter and log.
 */
export class ReplyWatch {
  readonly #watched = new WeakMap<RequestContext, Watched>();

  /** @param keptBytes how much of the body is kept; 0 only counts. */
  follow(ctx: RequestContext, reply: GatewayReply, keptBytes: number): void {
    const captured = new CapturedBytes(keptBytes);
    const { body } = reply;
    if (!(body instanceof ReadableStream)) {
      if (body !== null) captured.take(Buffer.from(body));
      this.#watched.set(ctx, { body: captured, stream: null, onEnd: null, hasEnded: false });
      return;
    }
    const stream = watchStream(
      body,
      (chunk) => captured.take(chunk),
      () => {
        if (watched.hasEnded) return;
        watched.hasEnded = true;
        watched.onEnd?.();
      },
    );
    const watched: Watched = { body: captured, stream, onEnd: null, hasEnded: false };
    this.#watched.set(ctx, watched);
    reply.body = stream;
  }

  /** Calls `then` at the end, which may be now; the body is `null` when none was followed. */
  end(ctx: RequestContext, reply: GatewayReply, then: (body: CapturedBytes | null) => void): void {
    const watched = this.#watched.get(ctx);
    if (watched === undefined) {
      then(null);
      return;
    }
    const { stream, body } = watched;
    // An error reply may have taken the place of the one that was followed.
    const isUnderWay =
      stream !== null && !watched.hasEnded && (stream.locked || reply.body === stream);
    if (isUnderWay) watched.onEnd = () => then(body);
    else then(body);
  }
}
