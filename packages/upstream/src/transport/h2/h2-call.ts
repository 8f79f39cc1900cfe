import type { GatewayError } from "@catena/errors";
import {
  type DecodedBlock,
  H2_ERROR,
  type H2Stream,
  type StreamBreak,
  type StreamSink,
  type Timed,
} from "@catena/http";
import { upstreamErrors } from "../../errors.ts";
import { cancelError } from "../call-guard.ts";
import type { CancelReason } from "../cancel-scope.ts";
import { describeOrigin } from "../describe-origin.ts";
import type { ReplyReceiver, UpstreamCall } from "../transport.ts";
import { type ReplySource, ReplyStream } from "../wire/reply-stream.ts";
import { type BodyFeed, BytesFeed, type FeedSink, PIECE_BYTES, StreamFeed } from "./body-feed.ts";
import { type H2Head, H2Reply, readHead, refuseTrailers } from "./h2-reply.ts";
import type { H2Session } from "./h2-session.ts";
import { bodyBytes, requestFields } from "./request-fields.ts";

/** Interim replies before the final one (RFC 9110 §15.2); more than this is not in good faith. */
const MAX_INTERIM = 16;

/** What a call tells the pool it came from. */
export interface CallOwner {
  /** The call was not acted on: it is to be begun once more on another connection. */
  repeat(call: H2Call): void;
  /** The call is over, whatever its outcome. */
  ended(call: H2Call): void;
}

/** One call on one stream: its phases and limits, its body out, its reply in. */
export class H2Call implements StreamSink, Timed, ReplySource, FeedSink {
  dueAt = Number.POSITIVE_INFINITY;
  sweepSlot = -1;
  readonly call: UpstreamCall;
  /** The connection it waits for or is on. */
  session: H2Session | null = null;
  /** It was begun before: it is not begun a third time. */
  isRepeat = false;
  readonly #owner: CallOwner;
  readonly #onCancel: (reason: CancelReason) => void;
  #receiver: ReplyReceiver | null;
  #stream: H2Stream | null = null;
  #feed: BodyFeed | null = null;
  #isSending = false;
  #isOver = false;
  #isWaiting = true;
  /** When it began to wait for the peer's next word. */
  #waitsSince = 0;
  #interim = 0;
  #head: H2Head | null = null;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #reply: ReplyStream | null = null;
  #isPaused = false;
  #unread = 0;
  #trailers: readonly string[] = [];

  constructor(call: UpstreamCall, receiver: ReplyReceiver, owner: CallOwner) {
    this.call = call;
    this.#receiver = receiver;
    this.#owner = owner;
    this.#onCancel = (reason) => this.fail(cancelError(call, reason, this.hasSent));
  }

  get hasSent(): boolean {
    return !this.#isWaiting;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts the clock; the call waits for a connection. */
  wait(now: number): void {
    this.#limit(now + this.call.timeouts.connectMs);
    this.call.cancel?.onCancel(this.#onCancel);
  }

  /** Sends the request on a connection that can take it. */
  begin(session: H2Session, now: number): void {
    const { body, timeouts } = this.call;
    this.session = session;
    this.#isWaiting = false;
    this.#isSending = true;
    this.#waitsSince = now;
    this.#limit(now + timeouts.sendMs);
    const bytes = bodyBytes(body);
    const fields = requestFields(this.call, bytes === null ? null : bytes.byteLength);
    if (bytes === null) {
      this.#stream = session.link.openStream(this, fields, null, false);
      // Only a stream has no bytes.
      this.#feed = new StreamFeed(body as ReadableStream<Uint8Array>, this);
      this.#feed.run();
      return;
    }
    const first = bytes.subarray(0, PIECE_BYTES);
    const isAll = first.byteLength === bytes.byteLength;
    const piece = first.byteLength === 0 ? null : first;
    const stream = session.link.openStream(this, fields, piece, isAll);
    this.#stream = stream;
    if (!isAll) this.#feed = new BytesFeed(bytes, first.byteLength, this);
    if (stream.out !== null) return;
    if (this.#feed === null) this.bodySent();
    else this.#feed.run();
  }

  sendPiece(bytes: Uint8Array, isLast: boolean): boolean {
    const stream = this.#stream;
    if (stream === null) return true;
    this.#limit(performance.now() + this.call.timeouts.sendMs);
    return stream.send(bytes, isLast);
  }

  awaitSource(): void {
    this.dueAt = this.call.deadlineAt;
  }

  bodySent(): void {
    if (this.#isOver) return;
    this.#isSending = false;
    if (!this.#isPaused) this.#awaitPeer();
  }

  sourceFailed(): void {
    const fault = { origin: describeOrigin(this.call.origin), sent: true };
    this.fail(upstreamErrors.UPSTREAM_CANCELLED({ ...fault, reason: "the request body failed" }));
  }

  onRoom(): void {
    if (this.#feed === null) this.bodySent();
    else this.#feed.drained();
  }

  onFields(fields: DecodedBlock, isLast: boolean): void {
    if (this.#head !== null) {
      const fault = refuseTrailers(fields, isLast);
      if (fault !== null) this.#refuse(fault);
      else this.#trailers = fields as readonly string[];
      return;
    }
    const head = readHead(fields, this.call.method);
    if (typeof head === "string") this.#refuse(head);
    else if (head.status >= 200) this.#takeHead(head);
    else if (isLast || head.status === 101) this.#refuse("an interim reply that ends the stream");
    else if (++this.#interim > MAX_INTERIM) this.#refuse("too many interim replies");
    if (this.#head === null || isLast || this.#isOver) return;
    this.#heard();
    // Opened when the rest of what came along was read: most bodies come with their heads.
    if (!this.call.buffered) this.session?.headCame(this);
  }

  #takeHead(head: H2Head): void {
    this.#head = head;
    if (this.session !== null) this.session.isProven = true;
  }

  onData(chunk: Buffer, from: number, to: number): void {
    const head = this.#head;
    this.#bytes += to - from;
    if (head === null) this.#refuse("data before a head");
    else if (head.isBodiless) this.#refuse("a body where there can be none");
    else if (head.length >= 0 && this.#bytes > head.length)
      this.#refuse("a body longer than its length");
    else if (this.#bytes > this.call.maxBodyBytes) this.fail(this.#tooLarge());
    else this.#take(chunk.subarray(from, to));
  }

  onEnd(): void {
    const head = this.#head;
    if (head === null) this.#refuse("no head");
    else if (!head.isBodiless && head.length >= 0 && this.#bytes < head.length)
      this.#refuse("a body shorter than its length");
    else this.#finish(head);
  }

  onBroken(how: StreamBreak, reason: string): void {
    if (this.#isOver) return;
    const isUntouched = how === "refused" && this.#canRepeat();
    // An idle connection that closed just as it was used again has done nothing (RFC 9110 §9.2.2).
    const wasStale =
      how === "lost" &&
      this.#head === null &&
      this.call.idempotent &&
      this.session?.isProven === true &&
      this.#canRepeat();
    if ((isUntouched || wasStale) && !this.isRepeat) {
      this.#leaveStream();
      this.#isWaiting = true;
      this.isRepeat = true;
      this.#owner.repeat(this);
      return;
    }
    const fault = { origin: describeOrigin(this.call.origin), sent: !isUntouched, reason };
    this.fail(
      how === "fault"
        ? upstreamErrors.UPSTREAM_BAD_REPLY(fault)
        : upstreamErrors.UPSTREAM_RESET(fault),
    );
  }

  /** All that came along with the head was read: the rest of the body is a stream. */
  openReply(): void {
    const head = this.#head;
    const receiver = this.#receiver;
    if (head === null || receiver === null || this.#isOver) return;
    const stream = new ReplyStream(this);
    this.#reply = stream;
    this.#receiver = null;
    const begun = this.#pieces;
    this.#pieces = [];
    for (const piece of begun) stream.push(piece);
    if (!stream.flush()) this.#pause();
    receiver.resolve(new H2Reply(head, stream.readable, () => this.#trailers));
  }

  resumeReading(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    const unread = this.#unread;
    this.#unread = 0;
    this.#stream?.consumed(unread);
    if (!this.#isSending) this.#awaitPeer();
  }

  abandonReply(): void {
    this.fail(cancelError(this.call, "client-gone", true));
  }

  expire(now: number): void {
    const fault = { origin: describeOrigin(this.call.origin), sent: this.hasSent };
    if (now >= this.call.deadlineAt) this.fail(cancelError(this.call, "deadline", this.hasSent));
    else if (this.#isWaiting) this.fail(upstreamErrors.UPSTREAM_CONNECT_TIMEOUT(fault));
    else {
      // A connection that said nothing all the while may be dead without having been closed.
      this.session?.suspect(this.#waitsSince);
      this.fail(
        this.#isSending
          ? upstreamErrors.UPSTREAM_SEND_TIMEOUT(fault)
          : upstreamErrors.UPSTREAM_READ_TIMEOUT(fault),
      );
    }
  }

  /** Ends the call with an error, and its stream with it. */
  fail(error: GatewayError): void {
    if (this.#isOver) return;
    const receiver = this.#receiver;
    const reply = this.#reply;
    this.#stream?.reset(H2_ERROR.CANCEL);
    this.#end();
    if (reply !== null) reply.fail(error);
    else receiver?.reject(error);
  }

  #finish(head: H2Head): void {
    const receiver = this.#receiver;
    const reply = this.#reply;
    const pieces = this.#pieces;
    // RFC 9113 §8.1: the rest of the request is not wanted.
    if (this.#isSending) this.#stream?.reset(H2_ERROR.CANCEL);
    this.#end();
    if (reply !== null) {
      reply.close();
      return;
    }
    const [only = EMPTY] = pieces;
    const bytes = pieces.length > 1 ? Buffer.concat(pieces, this.#bytes) : only;
    receiver?.resolve(new H2Reply(head, head.isBodiless ? null : bytes, () => this.#trailers));
  }

  #take(piece: Buffer): void {
    this.#heard();
    const reply = this.#reply;
    if (reply === null) this.#pieces.push(piece);
    else {
      reply.push(piece);
      if (!reply.flush()) this.#pause();
    }
    if (this.#isPaused) this.#unread += piece.byteLength;
    else this.#stream?.consumed(piece.byteLength);
  }

  /** A slow reader is not the peer's fault: only the deadline counts while paused. */
  #pause(): void {
    this.#isPaused = true;
    if (!this.#isSending) this.dueAt = this.call.deadlineAt;
  }

  #heard(): void {
    if (!this.#isSending && !this.#isPaused) this.#awaitPeer();
  }

  #awaitPeer(): void {
    this.#waitsSince = performance.now();
    this.#limit(this.#waitsSince + this.call.timeouts.readMs);
  }

  /** Whether the request can be sent a second time: a stream that was begun can't. */
  #canRepeat(): boolean {
    return !(this.call.body instanceof ReadableStream);
  }

  #end(): void {
    this.#isOver = true;
    this.call.cancel?.offCancel(this.#onCancel);
    this.#receiver = null;
    this.#reply = null;
    this.#leaveStream();
    this.#owner.ended(this);
    this.call.onEnd?.();
  }

  #leaveStream(): void {
    const { session } = this;
    this.session = null;
    this.#feed?.stop();
    this.#feed = null;
    this.#stream = null;
    session?.left(this);
  }

  #refuse(reason: string): void {
    const fault = { origin: describeOrigin(this.call.origin), sent: true, reason };
    this.fail(upstreamErrors.UPSTREAM_BAD_REPLY(fault));
  }

  #tooLarge(): GatewayError {
    const origin = describeOrigin(this.call.origin);
    return upstreamErrors.UPSTREAM_TOO_LARGE({ origin, sent: true });
  }

  #limit(phaseEnd: number): void {
    this.dueAt = Math.min(phaseEnd, this.call.deadlineAt);
  }
}

const EMPTY = new Uint8Array(0);
