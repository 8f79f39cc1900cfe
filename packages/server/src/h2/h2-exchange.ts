import type { TlsView } from "@catena/expr";
import {
  type DecodedBlock,
  H2_ERROR,
  type H2Stream,
  refuseFields,
  type StreamBreak,
  type StreamSink,
  type Timed,
} from "@catena/http";
import { requestErrors, statusReply } from "@catena/pipeline";
import type { AnswerRequest, ReplySink } from "../connection-owner.ts";
import { type RenderedReply, renderReply } from "../render-reply.ts";
import { discardBody } from "../reply-writer.ts";
import { type BodySource, RequestBody } from "../request-body.ts";
import { type RequestHead, refusedHead } from "../request-head.ts";
import { type RequestOwner, ServerRequest } from "../server-request.ts";
import { type StreamSink as BodySink, StreamedReply } from "../streamed-reply.ts";
import { replyFields } from "./h2-reply-fields.ts";
import { readRequestHead } from "./h2-request-head.ts";

/** What an exchange asks of the connection it is on. */
export interface ExchangeOwner {
  readonly answer: AnswerRequest;
  /** `Server` of every reply; empty for none. */
  readonly serverHeader: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsView | undefined;
  /** The exchange is over, whatever its outcome. */
  ended(exchange: H2Exchange): void;
}

/** Longest wait for more of a body, and for a client to take what it is sent. */
const IDLE_MS = 60_000;
/** Pieces a reply is sent in, so that every one that is taken counts as progress. */
const PIECE_BYTES = 65_536;

/** One request of a client over HTTP/2, and its reply: what a stream carries. */
export class H2Exchange
  implements StreamSink, RequestOwner, BodySource, BodySink, ReplySink, Timed
{
  dueAt = performance.now() + IDLE_MS;
  sweepSlot = -1;
  readonly #stream: H2Stream;
  readonly #owner: ExchangeOwner;
  #head: RequestHead = refusedHead;
  #body: RequestBody | null = null;
  /** Bytes of the body, and those that were not credited because nobody has room for them. */
  #bytes = 0;
  #unread = 0;
  #owesContinue = false;
  #isGrpc = false;
  #onGone: (() => void) | null = null;
  #isOver = false;
  #reply: RenderedReply | null = null;
  #streamed: StreamedReply | null = null;
  /** What is left of the piece in hand, and whether the reply ends with it. */
  #rest: Uint8Array = EMPTY;
  #isRestLast = false;

  constructor(stream: H2Stream, owner: ExchangeOwner) {
    this.#stream = stream;
    this.#owner = owner;
  }

  get remoteAddress(): string {
    return this.#owner.remoteAddress;
  }

  get remotePort(): number {
    return this.#owner.remotePort;
  }

  get hostname(): string {
    return this.#owner.hostname;
  }

  get port(): number {
    return this.#owner.port;
  }

  get tls(): TlsView | undefined {
    return this.#owner.tls;
  }

  onFields(fields: DecodedBlock, isLast: boolean): void {
    if (this.#head !== refusedHead) {
      // Trailers: read and dropped.
      const isSound = fields !== "too large" && isLast && refuseFields(fields, 0) === null;
      if (!isSound) this.#reject();
      return;
    }
    const head = readRequestHead(fields, isLast);
    if ("malformed" in head) this.#reject();
    else if ("reason" in head) this.answer(renderReply(statusReply(head.status), this.#owner));
    else this.#begin(head);
  }

  #begin(head: RequestHead): void {
    this.#head = head;
    this.#owesContinue = head.expectsContinue;
    this.#body = head.framing === 0 ? null : new RequestBody(this, head.framing);
    const request = new ServerRequest(this, head, this.#body);
    this.#isGrpc = request.header("content-type")?.startsWith("application/grpc") === true;
    this.#awaitBody();
    this.#owner.answer(request, this);
  }

  onData(chunk: Buffer, from: number, to: number): void {
    const body = this.#body;
    const bytes = to - from;
    this.#bytes += bytes;
    if (this.#head.framing >= 0 && this.#bytes > this.#head.framing) this.#reject();
    else if (body?.push(chunk, from, to) !== false) {
      this.#stream.consumed(bytes);
      this.#awaitBody();
    } else {
      this.#unread += bytes;
      // A slow reader of ours is not the client's fault.
      this.#awaitNothing();
    }
  }

  onEnd(): void {
    const body = this.#body;
    this.#body = null;
    if (this.#head.framing > 0 && this.#bytes < this.#head.framing) {
      body?.fail(requestErrors.REQUEST_BODY_LOST({}));
      this.#reject();
      return;
    }
    this.#awaitNothing();
    body?.end();
  }

  bodyWanted(): void {
    if (!this.#owesContinue || this.#body === null) return;
    this.#owesContinue = false;
    if (this.#reply === null) this.#stream.sendFields([":status", "100"], false);
  }

  resumeBody(): void {
    const unread = this.#unread;
    this.#unread = 0;
    if (unread > 0) this.#stream.consumed(unread);
    this.#awaitBody();
  }

  watch(_: ServerRequest, onGone: () => void): void {
    if (this.#isOver || this.#reply !== null) onGone();
    else this.#onGone = onGone;
  }

  unwatch(): void {
    this.#onGone = null;
  }

  /** WebSockets come over HTTP/1.1: RFC 8441 is not offered. */
  upgrade(): boolean {
    return false;
  }

  answer(rendered: RenderedReply | null): void {
    if (rendered === null) {
      this.reset(H2_ERROR.INTERNAL_ERROR);
      return;
    }
    const { pieces } = rendered;
    const reply = pieces === null ? rendered : { ...rendered, body: pieces.readable, pieces: null };
    if (this.#isOver) {
      discardBody(reply);
      return;
    }
    this.#reply = reply;
    this.#onGone = null;
    this.#awaitNothing();
    const { body, status } = reply;
    const isBodiless = this.#head.method === "HEAD" || status === 204 || status === 304;
    if (body instanceof ReadableStream && !isBodiless) {
      this.#stream.sendFields(replyFields(reply, false), false);
      const streamed = new StreamedReply(body, this, false, reply.declared);
      this.#streamed = streamed;
      void streamed.run();
      return;
    }
    discardBody(reply);
    const bytes = isBodiless || body instanceof ReadableStream ? EMPTY : bytesOf(body);
    const fields = replyFields(reply, isBodiless);
    if (isBodiless || (bytes.byteLength === 0 && !this.#hasTrailers())) {
      this.#stream.sendFields(fields, true);
      this.#sent();
      return;
    }
    this.#stream.sendFields(fields, false);
    this.#isRestLast = true;
    this.#sendRest(bytes);
  }

  sendPiece(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    return this.#sendRest(bytes);
  }

  /** @returns whether all of it is on its way. */
  #sendRest(bytes: Uint8Array): boolean {
    let rest = bytes;
    while (!this.#isOver) {
      const piece = rest.subarray(0, PIECE_BYTES);
      rest = rest.subarray(piece.byteLength);
      const isLast = rest.byteLength === 0 && this.#isRestLast;
      const isEnd = isLast && !this.#hasTrailers();
      const isSent = piece.byteLength === 0 && !isEnd ? true : this.#stream.send(piece, isEnd);
      if (!isSent) {
        this.#rest = rest;
        this.dueAt = performance.now() + IDLE_MS;
        return false;
      }
      if (rest.byteLength > 0) continue;
      if (isLast) this.#finish();
      return true;
    }
    return true;
  }

  onRoom(): void {
    const rest = this.#rest;
    this.#rest = EMPTY;
    this.#awaitBody();
    if (rest.byteLength > 0 && !this.#sendRest(rest)) return;
    if (rest.byteLength === 0 && this.#isRestLast) this.#finish();
    else this.#streamed?.drained();
  }

  streamEnded(): void {
    this.#streamed = null;
    if (this.#isOver) return;
    this.#isRestLast = true;
    this.#sendRest(EMPTY);
  }

  streamFailed(): void {
    this.#streamed = null;
    this.reset(H2_ERROR.INTERNAL_ERROR);
  }

  onBroken(_: StreamBreak): void {
    this.#abandon();
  }

  /** Time is up for whatever the client was to do. */
  expire(): void {
    const body = this.#body;
    if (this.#reply === null && body !== null) {
      this.dueAt = performance.now() + IDLE_MS;
      body.fail(requestErrors.REQUEST_BODY_LOST({}));
    } else this.reset(H2_ERROR.CANCEL);
  }

  reset(code: number): void {
    if (this.#isOver) return;
    this.#stream.reset(code);
    this.#abandon();
  }

  #hasTrailers(): boolean {
    return (this.#reply?.trailers?.() ?? []).length > 0;
  }

  /** All of the body is on its way. */
  #finish(): void {
    if (this.#isOver) return;
    const trailers = this.#reply?.trailers?.() ?? [];
    if (trailers.length > 0) this.#stream.sendFields(trailers, true);
    this.#sent();
  }

  /** RFC 9113 §8.1: behind a whole reply, the rest of the request is not wanted. */
  #sent(): void {
    const body = this.#body;
    this.#isOver = true;
    body?.fail(requestErrors.REQUEST_BODY_LOST({}));
    if (!this.#stream.isRemoteEnd) this.#stream.reset(H2_ERROR.NO_ERROR);
    this.#owner.ended(this);
  }

  #reject(): void {
    this.reset(H2_ERROR.PROTOCOL_ERROR);
  }

  /** The client has left, or has to. */
  #abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const onGone = this.#onGone;
    this.#onGone = null;
    this.#streamed?.stop();
    this.#streamed = null;
    this.#body?.fail(requestErrors.REQUEST_BODY_LOST({}));
    this.#owner.ended(this);
    onGone?.();
  }

  #awaitBody(): void {
    if (this.#isBodyDue()) this.dueAt = performance.now() + IDLE_MS;
    else this.#awaitNothing();
  }

  /** A stream of gRPC may be open and silent for long, and so may any once a reply is under way. */
  #isBodyDue(): boolean {
    return this.#body !== null && this.#reply === null && !this.#isGrpc;
  }

  #awaitNothing(): void {
    if (this.#stream.out === null) this.dueAt = Number.POSITIVE_INFINITY;
  }
}

function bytesOf(body: string | Uint8Array | null): Uint8Array {
  if (body === null) return EMPTY;
  return typeof body === "string" ? Buffer.from(body) : body;
}

const EMPTY = new Uint8Array(0);
