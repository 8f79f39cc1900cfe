import { plainAddress, type TlsView } from "@catena/expr";
import {
  type ByteTaker,
  type DeadlineSweep,
  H2Link,
  type H2Stream,
  type LinkSink,
  type StreamSink,
  type Timed,
} from "@catena/http";
import type { ByteSocket, SocketListener } from "../byte-socket.ts";
import type { AnswerRequest, Peer } from "../connection-owner.ts";
import { type ExchangeOwner, H2Exchange } from "./h2-exchange.ts";

/** What all connections of a listener share. */
export interface H2ConnectionOwner {
  readonly answer: AnswerRequest;
  readonly serverHeader: string;
  /** Clients are to go elsewhere: we are stopping. */
  readonly closing: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly sweep: DeadlineSweep;
  closed(connection: H2Connection): void;
}

/** Requests a client may have under way on one connection, as nginx's `http2_max_concurrent_streams`. */
const MAX_STREAMS = 128;
/** Bytes of a body that are taken before somebody reads them. */
const STREAM_WINDOW = 131_072;
/** Longest time a connection is kept without a request. */
const IDLE_MS = 60_000;
/** How long a client with a request under way may be silent before it is asked for a sign of life. */
const SILENT_MS = 60_000;
/** How long it then has. */
const SIGN_MS = 20_000;
/** How long a client may take to close after us, so that it gets what was sent last. */
const LINGER_MS = 5_000;

/** One connection of a client that speaks HTTP/2, and the requests it carries. */
export class H2Connection implements SocketListener, LinkSink, ByteTaker, ExchangeOwner, Timed {
  dueAt = performance.now() + IDLE_MS;
  sweepSlot = -1;
  readonly #socket: ByteSocket;
  readonly #owner: H2ConnectionOwner;
  readonly #peer: Peer;
  readonly #link: H2Link;
  readonly #exchanges = new Set<H2Exchange>();
  #heardAt = performance.now();
  /** What the socket had not sent when this was last looked at. */
  #unsent = 0;
  #isClosed = false;
  #isLingering = false;

  constructor(socket: ByteSocket, owner: H2ConnectionOwner, peer: Peer) {
    this.#socket = socket;
    this.#owner = owner;
    this.#peer = peer;
    this.#link = new H2Link(this, this, { maxStreams: MAX_STREAMS, streamWindow: STREAM_WINDOW });
    this.#link.open();
  }

  get answer(): AnswerRequest {
    return this.#owner.answer;
  }

  get serverHeader(): string {
    return this.#owner.serverHeader;
  }

  /** IPv4 clients of a dual-stack listener are shown as such. */
  get remoteAddress(): string {
    return plainAddress(this.#peer.address);
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

  write(bytes: Uint8Array): number {
    return this.#socket.write(bytes);
  }

  socketData(chunk: Buffer): void {
    if (this.#isClosed || this.#isLingering) return;
    this.#heardAt = performance.now();
    this.#link.push(chunk);
    this.#closeWhenDone();
  }

  socketDrained(): void {
    this.#link.drained();
    this.#closeWhenDone();
  }

  socketClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.lose("closed");
    this.#owner.sweep.remove(this);
    this.#owner.closed(this);
  }

  onStream(stream: H2Stream): StreamSink {
    const exchange = new H2Exchange(stream, this);
    this.#exchanges.add(exchange);
    this.#owner.sweep.add(exchange);
    this.dueAt = this.#heardAt + SILENT_MS;
    if (this.#owner.closing) this.#link.drain();
    return exchange;
  }

  ended(exchange: H2Exchange): void {
    this.#owner.sweep.remove(exchange);
    this.#exchanges.delete(exchange);
    if (this.#exchanges.size === 0 && !this.#isLingering) this.dueAt = performance.now() + IDLE_MS;
  }

  onSettings(): void {}

  onGoaway(): void {}

  onStreamClosed(): void {
    this.#closeWhenDone();
  }

  /** The client was told what is wrong. */
  onFault(): void {
    this.#linger();
  }

  expire(now: number): void {
    const before = this.#unsent;
    this.#unsent = this.#socket.unsent ?? 0;
    // The client takes what the socket still has for it, if slowly.
    if (this.#unsent > 0 && this.#unsent !== before) this.dueAt = now + IDLE_MS;
    else if (!this.#isLingering && this.#exchanges.size > 0) this.#awaitSign(now);
    else if (this.#isLingering || this.#link.isDraining) this.destroy();
    else this.stop();
  }

  /** A request may stay open for as long as it likes, but not of a client that is gone. */
  #awaitSign(now: number): void {
    const silentMs = now - this.#heardAt;
    if (silentMs >= SILENT_MS + SIGN_MS) this.destroy();
    else if (silentMs >= SILENT_MS) {
      this.#link.ping();
      this.dueAt = now + SIGN_MS;
    } else this.dueAt = this.#heardAt + SILENT_MS;
  }

  /** Takes no more requests, and closes behind the last reply. */
  stop(): void {
    this.#link.drain();
    if (this.#exchanges.size === 0) this.dueAt = performance.now() + LINGER_MS;
    this.#closeWhenDone();
  }

  /** Closes at once; what was not sent is lost. */
  destroy(): void {
    if (this.#isClosed) return;
    this.#socket.terminate();
    this.socketClosed();
  }

  #closeWhenDone(): void {
    if (this.#link.isDraining && this.#link.streamCount === 0 && this.#link.isFlushed)
      this.#linger();
  }

  /** A client that still sends would lose what it has not read yet, were the socket closed at once. */
  #linger(): void {
    if (this.#isClosed || this.#isLingering) return;
    this.#isLingering = true;
    this.dueAt = performance.now() + LINGER_MS;
    this.#socket.shutdown();
  }
}
