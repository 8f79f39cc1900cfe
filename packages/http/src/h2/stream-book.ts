import { FRAME, h2ErrorName, makeNumberFrame } from "./frames.ts";
import type { LinkSender } from "./link-sender.ts";
import { H2Stream, type StreamBreak, type StreamLink, type StreamSink } from "./stream.ts";

/** The streams of one connection that are open, and how each comes to its end. */
export class StreamBook implements StreamLink {
  /** Streams of the peer above this are not taken any more. */
  lastTaken = Number.POSITIVE_INFINITY;
  /** Whether no more streams can be opened: the peer or we have said so. */
  isDraining = false;
  /** The socket is gone or is to go: nothing is written any more. */
  isDead = false;
  lastPeerStream = 0;
  readonly #sender: LinkSender;
  readonly #isServer: boolean;
  readonly #streamWindow: number;
  readonly #onClosed: () => void;
  readonly #streams = new Map<number, H2Stream>();
  #nextStream = 1;

  /** @param onClosed one stream less is open. */
  constructor(sender: LinkSender, isServer: boolean, streamWindow: number, onClosed: () => void) {
    this.#sender = sender;
    this.#isServer = isServer;
    this.#streamWindow = streamWindow;
    this.#onClosed = onClosed;
  }

  get size(): number {
    return this.#streams.size;
  }

  find(id: number): H2Stream | undefined {
    return this.#streams.get(id);
  }

  /** A copy: what is done to them may close them. */
  all(): readonly H2Stream[] {
    return [...this.#streams.values()];
  }

  /** Whether a stream of this number was never opened. */
  isIdle(id: number): boolean {
    if (this.#isServer) return id % 2 === 0 || id > this.lastPeerStream;
    return id % 2 === 0 || id >= this.#nextStream;
  }

  /** The next stream of ours. */
  open(sink: StreamSink): H2Stream {
    const stream = this.add(this.#nextStream, sink);
    this.#nextStream += 2;
    // Identifiers are not used twice (RFC 9113 §5.1.1).
    if (this.#nextStream > LAST_STREAM) this.isDraining = true;
    return stream;
  }

  add(id: number, sink: StreamSink): H2Stream {
    const { streamWindow } = this.#sender.peer;
    const stream = new H2Stream(id, this, sink, streamWindow, this.#streamWindow);
    this.#streams.set(id, stream);
    return stream;
  }

  sendFields(stream: H2Stream, fields: readonly string[], isLast: boolean): void {
    if (this.isDead) return;
    this.#sender.sendFields(stream, fields, isLast);
    this.settle(stream);
  }

  sendData(stream: H2Stream): void {
    if (this.isDead) return;
    this.#sender.sendData(stream);
    this.settle(stream);
  }

  /** A stream that had to wait has sent all it was given. */
  sent(stream: H2Stream): void {
    if (stream.out !== null || stream.isClosed) return;
    this.settle(stream);
    if (!stream.isClosed) stream.sink.onRoom();
  }

  credit(stream: H2Stream, bytes: number): void {
    stream.uncredited += bytes;
    if (stream.uncredited * 2 < this.#streamWindow) return;
    this.#sender.put(makeNumberFrame(FRAME.WINDOW_UPDATE, stream.id, stream.uncredited));
    stream.receiveWindow += stream.uncredited;
    stream.uncredited = 0;
    this.#sender.flush();
  }

  reset(stream: H2Stream, code: number): void {
    if (!this.isDead) {
      this.#sender.put(makeNumberFrame(FRAME.RST_STREAM, stream.id, code));
      this.#sender.flush();
    }
    this.#close(stream);
  }

  /** The peer has sent all of a stream. */
  endRemote(stream: H2Stream): void {
    if (!stream.isClosed) stream.sink.onEnd();
    this.settle(stream);
  }

  /** A stream that both sides have ended is over. */
  settle(stream: H2Stream): void {
    if (stream.isLocalEnd && stream.isRemoteEnd) this.#close(stream);
  }

  /** Resets a stream on which the peer broke the protocol. */
  refuse(stream: H2Stream, code: number): void {
    this.#sender.put(makeNumberFrame(FRAME.RST_STREAM, stream.id, code));
    this.break(stream, "fault", h2ErrorName(code));
  }

  break(stream: H2Stream, how: StreamBreak, reason: string): void {
    if (stream.isClosed) return;
    this.#close(stream);
    stream.sink.onBroken(how, reason);
  }

  #close(stream: H2Stream): void {
    if (stream.isClosed) return;
    stream.isClosed = true;
    stream.out = null;
    this.#sender.forget(stream);
    this.#streams.delete(stream.id);
    this.#onClosed();
  }
}

const LAST_STREAM = 0x7fff_ffff;
