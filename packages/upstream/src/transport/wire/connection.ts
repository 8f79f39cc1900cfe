import type { GatewayError } from "@catena/errors";
import type { Timed } from "@catena/http";
import type { Socket } from "bun";
import { upstreamErrors } from "../../errors.ts";
import { cancelError } from "../call-guard.ts";
import type { CancelReason } from "../cancel-scope.ts";
import { describeOrigin } from "../describe-origin.ts";
import type { Origin, ReplyReceiver, UpstreamCall } from "../transport.ts";
import { ReplyReader, type ReplySink } from "./read-reply.ts";
import { ReplyBody } from "./reply-body.ts";
import type { ReplyHead } from "./reply-head.ts";
import type { ReplySource, ReplyStream } from "./reply-stream.ts";
import { Upload, type UploadSink } from "./upload.ts";
import { WireReply } from "./wire-reply.ts";
import { isReplayable, largeBody, writeRequest } from "./write-request.ts";

/** What a connection tells the pool it belongs to. */
export interface ConnectionOwner {
  /** @returns whether the connection is kept for another call. */
  release(connection: Connection, call: UpstreamCall, peerIdleMs: number): boolean;
  /** The call must be sent once more on a connection that was never used. */
  redial(call: UpstreamCall, head: string, receiver: ReplyReceiver): void;
  /** A call ended, whatever its outcome. */
  callEnded(): void;
  /** Nobody waits for this connection any more, but the system still tries to open it. */
  abandoned(): void;
  closed(connection: Connection, wasAbandoned: boolean): void;
}

const CONNECTING = 0;
const IDLE = 1;
const BUSY = 2;
const CLOSED = 3;

/**
 * One TCP or TLS connection and the call it carries. All state is in fields: a call allocates no
 * closure, and the socket's handlers are shared by all connections.
 */
export class Connection implements ReplySink, ReplySource, UploadSink, Timed {
  dueAt = Number.POSITIVE_INFINITY;
  sweepSlot = -1;
  readonly origin: Origin;
  /** Calls that ended in order here. */
  served = 0;
  readonly #owner: ConnectionOwner;
  readonly #reader: ReplyReader;
  readonly #onCancel: (reason: CancelReason) => void;
  #socket: Socket<Connection> | null = null;
  #state = CONNECTING;
  #call: UpstreamCall | null = null;
  /** The call's head in words. */
  #words = "";
  #receiver: ReplyReceiver | null = null;
  /** What the socket has not taken yet: the current piece, and a large body behind it. */
  #out: Uint8Array | null = null;
  #outNext: Uint8Array | null = null;
  #upload: Upload | null = null;
  #isSending = false;
  #hasSent = false;
  #hasReply = false;
  #isPaused = false;
  #head: ReplyHead | null = null;
  readonly #body = new ReplyBody();

  constructor(origin: Origin, owner: ConnectionOwner) {
    this.origin = origin;
    this.#owner = owner;
    this.#reader = new ReplyReader(this);
    this.#onCancel = (reason) => {
      const call = this.#call;
      if (call !== null) this.fail(cancelError(call, reason, this.#hasSent));
    };
  }

  get isAbandoned(): boolean {
    return this.#state === CONNECTING && this.#call === null;
  }

  /** Carries `call`: at once when the connection is open, else when it is. */
  begin(call: UpstreamCall, head: string, receiver: ReplyReceiver, now: number): void {
    this.#call = call;
    this.#words = head;
    this.#receiver = receiver;
    this.#hasSent = false;
    this.#hasReply = false;
    this.#head = null;
    call.cancel?.onCancel(this.#onCancel);
    if (this.#call === null) return;
    if (this.#state === CONNECTING) this.#limit(now + call.timeouts.connectMs);
    else this.#transmit(call, now);
  }

  /** The socket exists, for TLS before its handshake. */
  socketOpened(socket: Socket<Connection>): void {
    this.#socket = socket;
    if (this.isAbandoned) this.destroy();
  }

  /** The connection can be used. */
  ready(): void {
    const call = this.#call;
    if (this.#state === CONNECTING && call !== null) this.#transmit(call, performance.now());
  }

  #transmit(call: UpstreamCall, now: number): void {
    this.#state = BUSY;
    this.#isSending = true;
    this.#reader.begin(call.method === "HEAD");
    const first = writeRequest(call, this.#words);
    const taken = this.#socket?.write(first) ?? -1;
    if (taken < 0) {
      this.lost("closed before the request");
      return;
    }
    if (taken > 0) this.#hasSent = true;
    this.#outNext = largeBody(call);
    if (taken < first.length) {
      const all = typeof first === "string" ? Buffer.from(first, "latin1") : first;
      this.#out = all.subarray(taken);
      this.#limit(now + call.timeouts.sendMs);
      return;
    }
    this.#sendNext(call, now);
  }

  /** The piece in hand is out: goes on with the large body, the stream, or waiting for the reply. */
  #sendNext(call: UpstreamCall, now: number): void {
    const next = this.#outNext;
    if (next !== null) {
      this.#outNext = null;
      this.#out = next;
      this.#flush(call, now);
      return;
    }
    if (this.#upload !== null) {
      this.#upload.drained();
      return;
    }
    if (call.body instanceof ReadableStream) {
      this.#startUpload(call.body);
      return;
    }
    this.#isSending = false;
    this.#limit(now + call.timeouts.readMs);
  }

  #flush(call: UpstreamCall, now: number): void {
    const out = this.#out;
    if (out === null) return;
    const taken = this.#socket?.write(out) ?? -1;
    if (taken < 0) {
      this.lost("closed while sending");
      return;
    }
    if (taken > 0) this.#hasSent = true;
    if (taken < out.byteLength) {
      this.#out = out.subarray(taken);
      this.#limit(now + call.timeouts.sendMs);
      return;
    }
    this.#out = null;
    this.#sendNext(call, now);
  }

  #startUpload(body: ReadableStream<Uint8Array>): void {
    const upload = new Upload(body, this);
    this.#upload = upload;
    upload.run().catch(() => this.sourceFailed());
  }

  socketDrained(): void {
    const call = this.#call;
    if (call !== null && this.#state === BUSY) this.#flush(call, performance.now());
  }

  socketData(chunk: Buffer): void {
    // Bytes that answer nothing: a late 408, or a reply longer than it said. Neither is ours.
    if (this.#state !== BUSY) {
      this.destroy();
      return;
    }
    this.#hasReply = true;
    this.#reader.push(chunk);
    const call = this.#call;
    if (call === null) return;
    if (!this.#isSending && !this.#isPaused) this.#limit(performance.now() + call.timeouts.readMs);
    if (this.#head !== null && this.#receiver !== null && !call.buffered)
      this.#openStream(this.#head, this.#receiver);
    // Whoever was told of the reply may have given it up.
    if (this.#call === call && !this.#isPaused && !this.#body.flush()) this.#pause(call);
  }

  /** The peer closed its side; the socket's close follows. */
  socketEnded(): void {
    if (this.#state === BUSY) this.#reader.end();
    else if (this.#state === IDLE) this.close();
  }

  socketClosed(error: Error | undefined): void {
    if (this.#state === CLOSED) return;
    if (this.#state === BUSY) {
      this.lost(error === undefined ? "closed" : "reset");
      return;
    }
    this.dialFailed("UPSTREAM_RESET", "closed while connecting");
  }

  /** A TLS failure, or a fault of a handler of ours: the call must not hang because of it. */
  socketFailed(error: Error): void {
    const code = "code" in error ? String(error.code) : error.name;
    const isTls = code.startsWith("EPROTO") || code.startsWith("ERR_SSL");
    const fault = { origin: describeOrigin(this.origin), sent: this.#hasSent, reason: code };
    this.fail(
      isTls ? upstreamErrors.UPSTREAM_TLS(fault) : upstreamErrors.UPSTREAM_RESET(fault, error),
    );
  }

  dialFailed(code: DialFault, reason: string): void {
    if (this.#state === CLOSED) return;
    const call = this.#call;
    const receiver = this.#receiver;
    this.destroy();
    if (call === null || receiver === null) return;
    this.#finish(call);
    receiver.reject(
      upstreamErrors[code]({ origin: describeOrigin(this.origin), sent: false, reason }),
    );
  }

  onHead(head: ReplyHead): void {
    this.#head = head;
    const call = this.#call;
    if (call !== null && head.framing > call.maxBodyBytes) this.fail(this.#tooLarge());
  }

  onBody(chunk: Buffer, from: number, to: number): void {
    const call = this.#call;
    if (call === null) return;
    if (this.#body.bytes + to - from > call.maxBodyBytes) this.fail(this.#tooLarge());
    else this.#body.push(chunk, from, to);
  }

  onReplyEnd(extra: boolean): void {
    const call = this.#call;
    const head = this.#head;
    if (call === null || head === null) return;
    const receiver = this.#receiver;
    const reply = this.#body.isStream ? null : this.#body.reply(head);
    const reusable = head.keepAlive && !extra && !this.#isSending;
    const stream = this.#finish(call);
    this.served += 1;
    this.#state = IDLE;
    if (!reusable || !this.#owner.release(this, call, head.keepAliveMs)) this.close();
    // Last, because the receiver may begin its next call on this very connection.
    if (reply === null) stream?.close();
    else receiver?.resolve(reply);
  }

  onBadReply(reason: string): void {
    const fault = { origin: describeOrigin(this.origin), sent: true, reason };
    this.fail(upstreamErrors.UPSTREAM_BAD_REPLY(fault));
  }

  resumeReading(): void {
    const call = this.#call;
    if (!this.#isPaused || call === null) return;
    this.#isPaused = false;
    this.#socket?.resume();
    this.#limit(performance.now() + call.timeouts.readMs);
  }

  abandonReply(): void {
    const call = this.#call;
    if (call !== null) this.fail(cancelError(call, "client-gone", true));
  }

  sendPiece(bytes: Uint8Array): boolean {
    const call = this.#call;
    if (call === null) return true;
    this.#out = bytes;
    this.#flush(call, performance.now());
    return this.#out === null;
  }

  awaitSource(): void {
    if (this.#call !== null) this.dueAt = this.#call.deadlineAt;
  }

  requestSent(): void {
    const call = this.#call;
    if (call === null) return;
    this.#isSending = false;
    this.#limit(performance.now() + call.timeouts.readMs);
  }

  sourceFailed(): void {
    const fault = { origin: describeOrigin(this.origin), sent: this.#hasSent };
    this.fail(upstreamErrors.UPSTREAM_CANCELLED({ ...fault, reason: "the request body failed" }));
  }

  expire(now: number): void {
    const call = this.#call;
    if (call === null) {
      if (this.#state === IDLE) this.close();
      return;
    }
    const fault = { origin: describeOrigin(this.origin), sent: this.#hasSent };
    if (now >= call.deadlineAt) this.fail(cancelError(call, "deadline", this.#hasSent));
    else if (this.#state === CONNECTING) this.fail(upstreamErrors.UPSTREAM_CONNECT_TIMEOUT(fault));
    else if (this.#isSending) this.fail(upstreamErrors.UPSTREAM_SEND_TIMEOUT(fault));
    else this.fail(upstreamErrors.UPSTREAM_READ_TIMEOUT(fault));
  }

  /**
   * The connection broke under a call. Sent again, once and on a new connection, when the peer
   * cannot have acted on it: nothing was sent, or the method allows it (RFC 9110 §9.2.2) and a
   * connection kept from before closed without one byte of reply, as an idle one does.
   */
  lost(reason: string): void {
    const call = this.#call;
    const receiver = this.#receiver;
    if (call === null) {
      this.destroy();
      return;
    }
    const mayRepeat =
      this.served > 0 &&
      !this.#hasReply &&
      isReplayable(call.body) &&
      (!this.#hasSent || call.idempotent);
    if (mayRepeat && receiver !== null) {
      const words = this.#words;
      this.#detach(call);
      this.destroy();
      this.#owner.redial(call, words, receiver);
      return;
    }
    const fault = { origin: describeOrigin(this.origin), sent: this.#hasSent, reason };
    this.fail(upstreamErrors.UPSTREAM_RESET(fault));
  }

  /** Ends the call with an error, and the connection with it. */
  fail(error: GatewayError): void {
    const call = this.#call;
    const receiver = this.#receiver;
    if (call === null) {
      this.destroy();
      return;
    }
    const stream = this.#finish(call);
    if (this.#state === CONNECTING && this.#socket === null) {
      // There is no way to stop a connect that runs: it is closed when it opens or fails.
      this.dueAt = Number.POSITIVE_INFINITY;
      this.#owner.abandoned();
    } else this.destroy();
    if (stream !== null) stream.fail(error);
    else receiver?.reject(error);
  }

  /** Closes in order; for connections without a call. */
  close(): void {
    const socket = this.#socket;
    if (this.#leave()) socket?.end();
  }

  /** Closes with a reset: the peer learns that nobody listens any more. */
  destroy(): void {
    const socket = this.#socket;
    if (this.#leave()) socket?.terminate();
  }

  #leave(): boolean {
    if (this.#state === CLOSED) return false;
    const wasAbandoned = this.isAbandoned;
    this.#state = CLOSED;
    this.#socket = null;
    this.#reader.stop();
    this.#owner.closed(this, wasAbandoned);
    return true;
  }

  /** The call is over, whatever its outcome. */
  #finish(call: UpstreamCall): ReplyStream | null {
    const stream = this.#detach(call);
    call.onEnd?.();
    return stream;
  }

  /** Forgets the call, so that nothing which still arrives can touch it. */
  #detach(call: UpstreamCall): ReplyStream | null {
    call.cancel?.offCancel(this.#onCancel);
    this.#upload?.stop();
    this.#call = null;
    this.#words = "";
    this.#receiver = null;
    this.#upload = null;
    this.#out = null;
    this.#outNext = null;
    if (this.#isPaused) this.#socket?.resume();
    this.#isPaused = false;
    this.#owner.callEnded();
    return this.#body.reset();
  }

  #openStream(head: ReplyHead, receiver: ReplyReceiver): void {
    const first = this.#body.takeBegun();
    const stream = this.#body.stream(this);
    this.#receiver = null;
    stream.push(first);
    receiver.resolve(new WireReply(head, null, 0, 0, null, stream));
  }

  /** A slow reader is not the peer's fault: only the deadline counts while paused. */
  #pause(call: UpstreamCall): void {
    this.#isPaused = true;
    this.#socket?.pause();
    this.dueAt = call.deadlineAt;
  }

  #tooLarge(): GatewayError {
    return upstreamErrors.UPSTREAM_TOO_LARGE({ origin: describeOrigin(this.origin), sent: true });
  }

  #limit(phaseEnd: number): void {
    const call = this.#call;
    this.dueAt = call !== null && call.deadlineAt < phaseEnd ? call.deadlineAt : phaseEnd;
  }
}

/** What can keep a connection from opening. */
export type DialFault =
  | "UPSTREAM_REFUSED"
  | "UPSTREAM_UNRESOLVED"
  | "UPSTREAM_TLS"
  | "UPSTREAM_RESET"
  | "UPSTREAM_CONNECT_TIMEOUT";
