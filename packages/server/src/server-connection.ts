import { plainAddress, type TlsView } from "@catena/expr";
import type { Timed } from "@catena/http";
import { requestErrors, statusReply } from "@catena/pipeline";
import type { ByteSocket, SocketListener } from "./byte-socket.ts";
import type { ConnectionOwner, Http2Taker, Peer, ReplySink } from "./connection-owner.ts";
import { type RenderedReply, renderReply } from "./render-reply.ts";
import {
  discardBody,
  endsWithConnection,
  ReplyWriter,
  type ReplyWriterOwner,
} from "./reply-writer.ts";
import { type BodySource, RequestBody } from "./request-body.ts";
import {
  CHUNKED,
  type HeadFault,
  http2Preface,
  type RequestHead,
  refusedHead,
} from "./request-head.ts";
import { RequestReader, type RequestSink } from "./request-reader.ts";
import { type RequestOwner, ServerRequest } from "./server-request.ts";

/** Longest wait for a request, for the rest of one, and for a client to take what it is sent. */
const IDLE_MS = 60_000;
/** How long what a client still sends is read and dropped after the last reply, so that it gets that. */
const LINGER_MS = 5_000;
/** Of a body that nobody reads, this much is read to keep the connection: a new one costs more. */
const MAX_DROPPED_BYTES = 256 * 1024;
/** Requests that come before the reply to the one before them wait here, up to so many bytes. */
const MAX_WAITING_BYTES = 65_536;

/** What was read of the preface of HTTP/2 (RFC 9113 §3.4) when it is recognised. */
const PREFACE_LINE = Buffer.from("PRI * HTTP/2.0\r\n\r\n", "latin1");

/** Between requests, reading one, or waiting for its reply. */
const OPEN = 0;
/** The last reply is on its way out; the connection closes behind it. */
const CLOSING = 1;
/** Everything is sent; what still comes is dropped. */
const LINGERING = 2;
const CLOSED = 3;

/**
 * One connection of a client, and the request it carries. All state is in fields: a request allocates
 * no closure, and the socket's handlers are shared by all connections.
 */
export class ServerConnection
  implements
    RequestSink,
    BodySource,
    RequestOwner,
    ReplyWriterOwner,
    ReplySink,
    SocketListener,
    Timed
{
  dueAt: number;
  sweepSlot = -1;
  readonly #socket: ByteSocket;
  readonly #owner: ConnectionOwner;
  readonly #peer: Peer;
  readonly #address: string;
  readonly #reader: RequestReader;
  readonly #writer: ReplyWriter;
  #state = OPEN;
  /** Arrived and not read: it belongs to later requests, or nobody has room for it. */
  #waiting: Buffer | null = null;
  #isReading = false;
  #isPaused = false;
  /** The request whose reply is not sent yet. */
  #request: ServerRequest | null = null;
  /** Its body, until that is read. */
  #body: RequestBody | null = null;
  #hasBegun = false;
  /** Its reply is on its way. */
  #isAnswered = false;
  /** No request was read yet. */
  #isFresh = true;
  #owesContinue = false;
  /** What the socket had not sent when this was last looked at. */
  #unsent = 0;
  #onGone: (() => void) | null = null;
  /** Who has taken the connection over. */
  #taker: SocketListener | null = null;

  constructor(socket: ByteSocket, owner: ConnectionOwner, peer: Peer) {
    this.#socket = socket;
    this.#owner = owner;
    this.#peer = peer;
    this.#address = plainAddress(peer.address);
    this.#reader = new RequestReader(this);
    this.#writer = new ReplyWriter(socket, this);
    this.dueAt = performance.now() + IDLE_MS;
  }

  /** IPv4 clients of a dual-stack listener are shown as such. */
  get remoteAddress(): string {
    return this.#address;
  }

  get remotePort(): number {
    return this.#peer.port;
  }

  get hostname(): string {
    return this.#owner.hostname;
  }

  get port(): number {
    return this.#owner.port;
  }

  get tls(): TlsView | undefined {
    return this.#peer.tls;
  }

  socketData(chunk: Buffer): void {
    if (this.#taker !== null) this.#taker.socketData(chunk);
    else if (this.#state === OPEN) {
      this.#waiting = this.#waiting === null ? chunk : Buffer.concat([this.#waiting, chunk]);
      this.#read();
    }
  }

  /** Reads what arrived: a loop, because a reply that is given at once lets the next request be read. */
  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#waiting !== null && this.#reader.isReading && !this.#isPaused) {
      const chunk = this.#waiting;
      this.#waiting = null;
      const at = this.#reader.push(chunk);
      if (at < chunk.length && this.#state === OPEN) this.#waiting = chunk.subarray(at);
      if (this.#request !== null && !this.#hasBegun) this.#begin(this.#request);
    }
    this.#isReading = false;
    if (this.#waiting !== null && this.#waiting.length > MAX_WAITING_BYTES) this.#pause();
  }

  onHead(head: RequestHead): void {
    const { framing } = head;
    this.#body = framing === 0 ? null : new RequestBody(this, framing === CHUNKED ? -1 : framing);
    this.#owesContinue = head.expectsContinue;
    this.#hasBegun = false;
    this.#isAnswered = false;
    this.#request = new ServerRequest(this, head, this.#body);
  }

  onBody(chunk: Buffer, from: number, to: number): void {
    if (this.#body?.push(chunk, from, to) === false) this.#pause();
    else if (this.#hasBegun) this.dueAt = performance.now() + IDLE_MS;
  }

  onRequestEnd(): void {
    this.dueAt = Number.POSITIVE_INFINITY;
    const body = this.#body;
    this.#body = null;
    body?.end();
    // The reply was sent before the request had come to its end.
    if (this.#request === null) this.#next();
  }

  onFault(fault: HeadFault): void {
    const body = this.#body;
    const { http2 } = this.#owner;
    if (fault === http2Preface && this.#isFresh && http2 !== null) {
      // What is behind the line is at hand when this piece was read.
      queueMicrotask(() => this.#switch(http2));
      return;
    }
    // Behind this nothing can be found that is a request.
    this.#waiting = null;
    if (body === null) this.#refuse(fault.status);
    else if (this.#request === null) this.destroy();
    else body.fail(requestErrors.REQUEST_BODY_LOST({}));
  }

  /** The client speaks HTTP/2. */
  #switch(http2: Http2Taker): void {
    if (this.#state !== OPEN) return;
    const early = this.#waiting;
    this.#waiting = null;
    this.dueAt = Number.POSITIVE_INFINITY;
    const taker = http2.open(this.#socket, this.#peer);
    this.#taker = taker;
    if (this.#isPaused) this.#socket.resume();
    taker.socketData(PREFACE_LINE);
    if (early !== null) taker.socketData(early);
  }

  /** What is no request gets a status alone. */
  #refuse(status: number): void {
    this.#reader.stop();
    this.#isAnswered = false;
    this.#request = new ServerRequest(this, refusedHead, null);
    this.#hasBegun = true;
    this.answer(renderReply(statusReply(status), this.#owner));
  }

  /** Hands the request over. */
  #begin(request: ServerRequest): void {
    this.#hasBegun = true;
    this.#isFresh = false;
    this.dueAt = Number.POSITIVE_INFINITY;
    this.#owner.answer(request, this);
  }

  answer(reply: RenderedReply | null): void {
    if (reply === null) return;
    const request = this.#request;
    if (request === null || this.#state !== OPEN || this.#isAnswered) {
      discardBody(reply);
      return;
    }
    this.#isAnswered = true;
    const { isOld, keepAlive, method } = request.head;
    const keep =
      keepAlive && !this.#owner.closing && this.#canReadOn() && !endsWithConnection(reply, isOld);
    if (!keep) this.#state = CLOSING;
    this.#writer.send(reply, { isHead: method === "HEAD", isOld, keep });
  }

  /** Whether what the client has yet to send of this request is worth waiting for. */
  #canReadOn(): boolean {
    const body = this.#body;
    if (body === null) return true;
    // Whether a client that waits for a sign sends its body without one is not known.
    return !this.#owesContinue && this.#reader.isReading && body.left <= MAX_DROPPED_BYTES;
  }

  replySent(): void {
    this.#request = null;
    this.#onGone = null;
    if (this.#state === CLOSING) {
      this.#finish();
      return;
    }
    const body = this.#body;
    if (body === null) this.#next();
    else {
      body.drop();
      this.resumeBody();
    }
  }

  replyFailed(): void {
    this.destroy();
  }

  writeStalled(): void {
    this.dueAt = performance.now() + IDLE_MS;
  }

  /** The request is over: the next one may be read. */
  #next(): void {
    this.#hasBegun = false;
    this.#reader.begin();
    this.dueAt = performance.now() + IDLE_MS;
    if (this.#isPaused) this.#resume();
    else if (this.#waiting !== null) this.#read();
  }

  bodyWanted(): void {
    // In a reply that is on its way already it would be taken for a part of that.
    if (!this.#owesContinue || this.#body === null || this.#state !== OPEN) return;
    this.#owesContinue = false;
    this.#writer.interim("HTTP/1.1 100 Continue\r\n\r\n");
  }

  resumeBody(): void {
    if (this.#body !== null) this.dueAt = performance.now() + IDLE_MS;
    if (this.#isPaused) this.#resume();
  }

  #pause(): void {
    if (this.#isPaused || this.#state !== OPEN) return;
    this.#isPaused = true;
    // A slow reader of ours is not the client's fault.
    this.dueAt = Number.POSITIVE_INFINITY;
    this.#socket.pause();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
    this.#read();
  }

  watch(request: ServerRequest, onGone: () => void): void {
    if (this.#request === request && this.#state !== CLOSED) this.#onGone = onGone;
    else onGone();
  }

  unwatch(request: ServerRequest): void {
    if (this.#request === request) this.#onGone = null;
  }

  upgrade(request: ServerRequest, headers: Headers, data: object): boolean {
    if (this.#request !== request || this.#state !== OPEN) return false;
    const taker = this.#owner.webSockets.upgrade(request, headers, data, this.#socket);
    if (taker === null) return false;
    const early = this.#waiting;
    this.#taker = taker;
    this.#request = null;
    this.#waiting = null;
    this.#reader.stop();
    this.dueAt = Number.POSITIVE_INFINITY;
    if (this.#isPaused) this.#socket.resume();
    if (early !== null) taker.socketData(early);
    return true;
  }

  socketDrained(): void {
    if (this.#taker !== null) this.#taker.socketDrained();
    else this.#writer.drained();
  }

  socketClosed(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#waiting = null;
    this.#reader.stop();
    this.#writer.stop();
    this.#owner.closed(this);
    const onGone = this.#onGone;
    this.#onGone = null;
    this.#taker?.socketClosed();
    this.#body?.fail(requestErrors.REQUEST_BODY_LOST({}));
    onGone?.();
  }

  /** Time is up for whatever the client was to do. */
  expire(now: number): void {
    const body = this.#body;
    if (this.#isTaking()) {
      this.dueAt = now + IDLE_MS;
      return;
    }
    this.dueAt = Number.POSITIVE_INFINITY;
    if (this.#state === LINGERING || this.#writer.isStalled) this.destroy();
    // The client is not to do anything: a reply is on its way, or we are slow to take what it sent.
    else if (this.#state !== OPEN || this.#isPaused) return;
    else if (this.#request !== null && body !== null) {
      body.fail(requestErrors.REQUEST_BODY_LOST({}));
      this.dueAt = now + IDLE_MS;
    } else if (this.#request !== null) return;
    else if (this.#reader.isAtStart) this.#close();
    else if (body !== null) this.destroy();
    else this.#refuse(408);
  }

  /** Whether the client takes what the socket still has for it, if slowly. */
  #isTaking(): boolean {
    const before = this.#unsent;
    this.#unsent = this.#socket.unsent ?? 0;
    return this.#unsent > 0 && this.#unsent !== before;
  }

  /** We stop: closes when there is no request to answer, else behind its reply. */
  stop(): void {
    if (
      this.#state === OPEN &&
      this.#request === null &&
      this.#reader.isAtStart &&
      this.#taker === null
    )
      this.#close();
  }

  /** Closes at once; what was not sent is lost. */
  destroy(): void {
    if (this.#state === CLOSED) return;
    this.#socket.terminate();
    this.socketClosed();
  }

  #close(): void {
    this.#state = LINGERING;
    this.dueAt = performance.now() + LINGER_MS;
    this.#socket.end();
  }

  /** Behind the last reply. What was sent to us and is not read would take the reply with it: a reset. */
  #finish(): void {
    if (this.#body === null && this.#waiting === null && this.#reader.isAtEnd) {
      this.#close();
      return;
    }
    this.#state = LINGERING;
    this.#body?.drop();
    this.#waiting = null;
    this.#reader.stop();
    this.dueAt = performance.now() + LINGER_MS;
    this.#socket.shutdown();
    if (this.#isPaused) this.#resume();
  }
}
