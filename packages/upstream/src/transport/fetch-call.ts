import type { ReadableStreamDefaultReader } from "node:stream/web";
import { type GatewayError, isGatewayError } from "@catena/errors";
import { upstreamErrors } from "../errors.ts";
import { cancelError } from "./call-guard.ts";
import type { CancelReason } from "./cancel-scope.ts";
import { describeOrigin } from "./describe-origin.ts";
import { mapFetchError } from "./map-fetch-error.ts";
import type { UpstreamCall } from "./transport.ts";

/** One call carried by `fetch`: its abort signal, its timers, and the reading of its body. */
export class FetchCall {
  readonly call: UpstreamCall;
  /** Why the call was ended by us; an abort makes fetch throw, and this says what it meant. */
  fault: GatewayError | null = null;
  readonly #abort = new AbortController();
  readonly #onEnd: (call: FetchCall) => void;
  readonly #onCancel = (reason: CancelReason): void => {
    this.fail(cancelError(this.call, reason, true));
  };
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #bytes = 0;
  #ended = false;

  constructor(call: UpstreamCall, onEnd: (call: FetchCall) => void) {
    this.call = call;
    this.#onEnd = onEnd;
    call.cancel?.onCancel(this.#onCancel);
    this.#arm(call.timeouts.connectMs + call.timeouts.readMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Aborts the call; the first error given is the one that is reported. */
  fail(error: GatewayError): GatewayError {
    this.fault ??= error;
    this.#abort.abort(this.fault);
    this.finish();
    return this.fault;
  }

  /** Ends the bookkeeping; harmless when repeated. */
  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.call.cancel?.offCancel(this.#onCancel);
    this.#onEnd(this);
    this.call.onEnd?.();
  }

  /** The request's body, watched: fetch does not tell a source that failed from a broken peer. */
  guard(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    let isWanted = true;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const next = await reader.read().catch(() => null);
        if (!isWanted) return;
        if (next === null) controller.error(this.fail(this.#sourceFailed()));
        else if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: () => {
        isWanted = false;
        return reader.cancel();
      },
    });
  }

  read(body: ReadableStream<Uint8Array>): void {
    this.#reader = body.getReader();
  }

  /** The whole body as bytes. */
  async collect(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = await this.#next();
      if (chunk === null) return Buffer.concat(chunks, this.#bytes);
      chunks.push(chunk);
    }
  }

  /** The body as a stream that fails when the upstream, the deadline or a limit ends it early. */
  stream(): ReadableStream<Uint8Array> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#arm(Number.POSITIVE_INFINITY);
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = await this.#next();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => {
        this.#abort.abort();
        this.finish();
      },
    });
  }

  async #next(): Promise<Uint8Array | null> {
    if (this.fault !== null) throw this.fault;
    const reader = this.#reader;
    if (reader === null) return null;
    this.#arm(this.call.timeouts.readMs);
    try {
      const { done, value } = await reader.read();
      // While nobody reads, only the deadline counts.
      this.#arm(Number.POSITIVE_INFINITY);
      if (done) {
        this.finish();
        return null;
      }
      this.#bytes += value.byteLength;
      if (this.#bytes <= this.call.maxBodyBytes) return value;
      throw upstreamErrors.UPSTREAM_TOO_LARGE({
        origin: describeOrigin(this.call.origin),
        sent: true,
      });
    } catch (error) {
      throw this.fail(asFault(this.call, error));
    }
  }

  /** (Re)starts the one timer of this call: the phase's limit or the deadline, what comes first. */
  #arm(phaseMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#ended) return;
    const untilDeadline = this.call.deadlineAt - performance.now();
    const ms = Math.min(phaseMs, untilDeadline);
    if (ms === Number.POSITIVE_INFINITY) return;
    const isDeadline = untilDeadline <= phaseMs;
    this.#timer = setTimeout(() => this.fail(this.#late(isDeadline)), Math.max(0, Math.ceil(ms)));
  }

  #sourceFailed(): GatewayError {
    return upstreamErrors.UPSTREAM_CANCELLED({
      origin: describeOrigin(this.call.origin),
      sent: true,
      reason: "the request body failed",
    });
  }

  #late(isDeadline: boolean): GatewayError {
    if (isDeadline) return cancelError(this.call, "deadline", true);
    return upstreamErrors.UPSTREAM_READ_TIMEOUT({
      origin: describeOrigin(this.call.origin),
      sent: true,
    });
  }
}

function asFault(call: UpstreamCall, error: unknown): GatewayError {
  return isGatewayError(error) ? error : mapFetchError(call, error);
}
