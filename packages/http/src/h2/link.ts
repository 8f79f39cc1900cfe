import { MAX_HEAD_BYTES } from "../head-limits.ts";
import { FrameReader } from "./frame-reader.ts";
import {
  CLIENT_PREFACE,
  FIRST_WINDOW,
  FRAME,
  H2_ERROR,
  makeFrame,
  makeGoaway,
  makeNumberFrame,
} from "./frames.ts";
import { LINK_WINDOW, LinkReceiver } from "./link-receiver.ts";
import { LinkSender } from "./link-sender.ts";
import type { ByteTaker } from "./outbox.ts";
import { writeSettings } from "./settings.ts";
import type { H2Stream, StreamBreak, StreamSink } from "./stream.ts";
import { StreamBook } from "./stream-book.ts";

/** Hears of what concerns a whole connection. */
export interface LinkSink {
  /** The peer's settings are there, or have changed. */
  onSettings(): void;
  /** The peer takes no more streams; those it will not answer were told. */
  onGoaway(): void;
  /** The peer opened a stream, whose head follows; only a server hears this. */
  onStream(stream: H2Stream): StreamSink;
  /** One stream less is open. */
  onStreamClosed(): void;
  /** The peer broke the protocol and was told; the connection is to be closed. */
  onFault(reason: string): void;
}

export interface LinkOptions {
  /** Streams a peer may have open at a time; `null` for a client. */
  readonly maxStreams: number | null;
  /** Bytes of a stream that are taken before they are read. Default 256 KiB. */
  readonly streamWindow?: number;
}

const STREAM_WINDOW = 262_144;
/** What our pings say, which nobody looks at. */
const PING = new Uint8Array(8);
/** Answers to pings and settings that a peer asks for and does not read. */
const MAX_UNREAD_BYTES = 4_194_304;

/**
 * One HTTP/2 connection (RFC 9113), of either side: frames, header blocks, windows, settings, and which
 * streams are open. It knows no requests and no sockets: bytes are pushed in and written out.
 */
export class H2Link {
  readonly #sender: LinkSender;
  readonly #book: StreamBook;
  readonly #receiver: LinkReceiver;
  readonly #reader: FrameReader;
  readonly #sink: LinkSink;
  readonly #maxStreams: number | null;
  readonly #streamWindow: number;
  #prefaceLeft: number;

  constructor(socket: ByteTaker, sink: LinkSink, options: LinkOptions) {
    const { maxStreams, streamWindow = STREAM_WINDOW } = options;
    const isServer = maxStreams !== null;
    this.#sink = sink;
    this.#maxStreams = maxStreams;
    this.#streamWindow = streamWindow;
    this.#sender = new LinkSender(socket, (stream) => this.#book.sent(stream));
    this.#book = new StreamBook(this.#sender, isServer, streamWindow, () => sink.onStreamClosed());
    const outcome = {
      onSettings: () => sink.onSettings(),
      onGoaway: () => sink.onGoaway(),
      onStream: (stream: H2Stream) => sink.onStream(stream),
      onBadFrame: (code: number, reason: string) => this.#fault(code, reason),
    };
    this.#receiver = new LinkReceiver(this.#sender, this.#book, outcome, maxStreams);
    this.#reader = new FrameReader(this.#receiver);
    this.#prefaceLeft = isServer ? CLIENT_PREFACE.length : 0;
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.#book.size;
  }

  /** Streams the peer allows to be open at a time; unbounded before its settings came. */
  get maxOpenStreams(): number {
    return this.#sender.peer.maxStreams;
  }

  /** Whether the peer has said what it allows. */
  get isReady(): boolean {
    return this.#receiver.hasSettings && !this.#book.isDead;
  }

  /** Whether no more streams can be opened: the peer or we have said so. */
  get isDraining(): boolean {
    return this.#book.isDraining || this.#book.isDead;
  }

  /** Whether the socket has taken all that was written. */
  get isFlushed(): boolean {
    return this.#sender.unsentBytes === 0;
  }

  /** Begins the connection: says what we allow. */
  open(): void {
    const sender = this.#sender;
    if (this.#maxStreams === null) sender.put(CLIENT_PREFACE);
    const own = {
      maxStreams: this.#maxStreams,
      streamWindow: this.#streamWindow,
      maxHeaderListBytes: MAX_HEAD_BYTES,
    };
    sender.put(makeFrame(FRAME.SETTINGS, 0, 0, writeSettings(own)));
    sender.put(makeNumberFrame(FRAME.WINDOW_UPDATE, 0, LINK_WINDOW - FIRST_WINDOW));
    sender.flush();
  }

  /**
   * Opens a stream of ours and sends its head.
   *
   * @param body sent along when it is there at once; `null` when none is, or when it comes later.
   * @param isLast whether that is all of the request.
   */
  openStream(
    sink: StreamSink,
    fields: readonly string[],
    body: Uint8Array | null,
    isLast: boolean,
  ): H2Stream {
    const stream = this.#book.open(sink);
    this.#sender.hold();
    stream.sendFields(fields, isLast && body === null);
    if (body !== null) stream.send(body, isLast);
    this.#sender.release();
    return stream;
  }

  /** Bytes of the socket. */
  push(chunk: Buffer): void {
    const rest = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : chunk;
    if (rest === null) return;
    this.#sender.hold();
    this.#reader.push(rest);
    this.#sender.release();
    if (this.#sender.unsentBytes > MAX_UNREAD_BYTES)
      this.#fault(H2_ERROR.ENHANCE_YOUR_CALM, "what was asked for is not read");
  }

  /** The socket has room again. */
  drained(): void {
    this.#sender.drained();
  }

  /** Asks for a sign of life, which comes as bytes. */
  ping(): void {
    if (this.#book.isDead) return;
    this.#sender.put(makeFrame(FRAME.PING, 0, 0, PING));
    this.#sender.flush();
  }

  /** Says that no more streams are taken; those that are open go on. */
  drain(): void {
    const book = this.#book;
    if (book.isDraining || book.isDead) return;
    book.isDraining = true;
    book.lastTaken = book.lastPeerStream;
    this.#sender.put(makeGoaway(book.lastPeerStream, H2_ERROR.NO_ERROR, ""));
    this.#sender.flush();
  }

  /** The socket is gone, or is to go: every stream that is open breaks. */
  lose(reason: string): void {
    this.#end("lost", reason);
  }

  #end(how: StreamBreak, reason: string): void {
    if (this.#book.isDead) return;
    this.#book.isDead = true;
    this.#reader.stop();
    for (const stream of this.#book.all()) this.#book.break(stream, how, reason);
  }

  /** @returns what is behind the preface; `null` when it is wrong. */
  #readPreface(chunk: Buffer): Buffer | null {
    const at = CLIENT_PREFACE.length - this.#prefaceLeft;
    const length = Math.min(this.#prefaceLeft, chunk.length);
    if (!CLIENT_PREFACE.subarray(at, at + length).equals(chunk.subarray(0, length))) {
      this.#fault(H2_ERROR.PROTOCOL_ERROR, "the client's preface is missing");
      return null;
    }
    this.#prefaceLeft -= length;
    return chunk.subarray(length);
  }

  #fault(code: number, reason: string): void {
    if (this.#book.isDead) return;
    this.#sender.put(makeGoaway(this.#book.lastPeerStream, code, reason));
    this.#sender.flushNow();
    this.#end("fault", reason);
    this.#sink.onFault(reason);
  }
}
