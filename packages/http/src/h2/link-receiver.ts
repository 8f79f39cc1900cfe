import { MAX_HEAD_BYTES, MAX_HEADERS } from "../head-limits.ts";
import { Calm } from "./calm.ts";
import type { FrameSink } from "./frame-reader.ts";
import {
  FLAG,
  FRAME,
  H2_ERROR,
  h2ErrorName,
  MAX_WINDOW,
  makeFrame,
  makeNumberFrame,
} from "./frames.ts";
import { type BlockPlace, HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import type { LinkSender } from "./link-sender.ts";
import { readSettings } from "./settings.ts";
import type { H2Stream, StreamSink } from "./stream.ts";
import type { StreamBook } from "./stream-book.ts";

/** Bytes all streams together may have under way; they are credited as they come. */
export const LINK_WINDOW = 4_194_304;

/** What the frames of a peer come to. */
export interface FrameOutcome {
  onSettings(): void;
  onGoaway(): void;
  onStream(stream: H2Stream): StreamSink;
  /** The connection can't go on; the peer is to be told. */
  onBadFrame(code: number, reason: string): void;
}

/** Takes the frames of one connection (RFC 9113 §6) in the order they come. */
export class LinkReceiver implements FrameSink {
  hasSettings = false;
  readonly #sender: LinkSender;
  readonly #book: StreamBook;
  readonly #outcome: FrameOutcome;
  /** Streams a peer may have open at a time; `null` for a client. */
  readonly #maxStreams: number | null;
  readonly #decoder = new HpackDecoder(MAX_HEADERS, MAX_HEAD_BYTES);
  readonly #block = new HeaderBlock(MAX_HEAD_BYTES);
  readonly #calm = new Calm();
  #uncredited = 0;
  #window = LINK_WINDOW;

  constructor(
    sender: LinkSender,
    book: StreamBook,
    outcome: FrameOutcome,
    maxStreams: number | null,
  ) {
    this.#sender = sender;
    this.#book = book;
    this.#outcome = outcome;
    this.#maxStreams = maxStreams;
  }

  onOversized(): void {
    if (this.hasSettings)
      this.#outcome.onBadFrame(H2_ERROR.FRAME_SIZE_ERROR, "a frame is too long");
    else this.#outcome.onBadFrame(H2_ERROR.PROTOCOL_ERROR, "it does not speak HTTP/2");
  }

  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    const isFirst = !this.hasSettings;
    if (isFirst && (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)) {
      this.#outcome.onBadFrame(H2_ERROR.PROTOCOL_ERROR, "it does not speak HTTP/2");
      return;
    }
    const open = this.#block.stream;
    if (open !== 0 && (type !== FRAME.CONTINUATION || id !== open)) {
      this.#outcome.onBadFrame(H2_ERROR.PROTOCOL_ERROR, "a header block was interrupted");
      return;
    }
    const code = this.#take(type, flags, id, chunk, from, to);
    if (code !== null) this.#outcome.onBadFrame(code, `a bad frame of type ${type}`);
  }

  /** @returns the error code of a frame that the connection can't go on after. */
  #take(
    type: number,
    flags: number,
    id: number,
    chunk: Buffer,
    from: number,
    to: number,
  ): number | null {
    const isOfStream = type < FRAME.SETTINGS || type === FRAME.CONTINUATION;
    if (isOfStream && id === 0) return H2_ERROR.PROTOCOL_ERROR;
    switch (type) {
      case FRAME.DATA:
        return this.#takeData(flags, id, chunk, from, to);
      case FRAME.HEADERS:
        return this.#takeBlock(this.#block.begin(id, flags, chunk, from, to), id);
      case FRAME.CONTINUATION:
        if (this.#block.stream === 0) return H2_ERROR.PROTOCOL_ERROR;
        return this.#takeBlock(this.#block.go(flags, chunk, from, to), id);
      case FRAME.RST_STREAM:
        return this.#takeReset(id, chunk, from, to);
      case FRAME.SETTINGS:
        return this.#takeSettings(flags, id, chunk, from, to);
      case FRAME.PING:
        return this.#takePing(flags, id, chunk, from, to);
      case FRAME.GOAWAY:
        return this.#takeGoaway(id, chunk, from, to);
      case FRAME.WINDOW_UPDATE:
        return this.#takeWindow(id, chunk, from, to);
      // We have said that we take none (RFC 9113 §8.4).
      case FRAME.PUSH_PROMISE:
        return H2_ERROR.PROTOCOL_ERROR;
      default:
        return this.#nuisance();
    }
  }

  #takeData(flags: number, id: number, chunk: Buffer, from: number, to: number): number | null {
    const length = to - from;
    const isLast = (flags & FLAG.END_STREAM) !== 0;
    if (!this.#creditLink(length)) return H2_ERROR.FLOW_CONTROL_ERROR;
    if (length === 0 && !isLast && this.#nuisance() !== null) return H2_ERROR.ENHANCE_YOUR_CALM;
    let begin = from;
    let end = to;
    if ((flags & FLAG.PADDED) !== 0) {
      begin += 1;
      end -= chunk[from] ?? 0;
      if (length === 0 || begin > end) return H2_ERROR.PROTOCOL_ERROR;
    }
    const stream = this.#book.find(id);
    if (stream === undefined) return this.#book.isIdle(id) ? H2_ERROR.PROTOCOL_ERROR : null;
    if (stream.isRemoteEnd) {
      this.#book.refuse(stream, H2_ERROR.STREAM_CLOSED);
      return null;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.#book.refuse(stream, H2_ERROR.FLOW_CONTROL_ERROR);
      return null;
    }
    if (isLast) stream.isRemoteEnd = true;
    if (end > begin) stream.sink.onData(chunk, begin, end);
    if (length > end - begin) stream.consumed(length - (end - begin));
    if (isLast) this.#book.endRemote(stream);
    return null;
  }

  #takeBlock(block: BlockPlace | number | null, id: number): number | null {
    if (block === null || typeof block === "number") return block;
    const { isLast } = this.#block;
    const fields = this.#decoder.decode(block.bytes, block.from, block.to);
    if (fields === null) return H2_ERROR.COMPRESSION_ERROR;
    const stream = this.#book.find(id) ?? this.#takeStream(id);
    if (typeof stream === "number" || stream === null) return stream;
    if (stream.isRemoteEnd) {
      this.#book.refuse(stream, H2_ERROR.STREAM_CLOSED);
      return null;
    }
    if (isLast) stream.isRemoteEnd = true;
    stream.sink.onFields(fields, isLast);
    if (isLast) this.#book.endRemote(stream);
    return null;
  }

  /** A block of a stream that is not open: the peer opens it, or it is over. */
  #takeStream(id: number): H2Stream | number | null {
    if (!this.#book.isIdle(id)) return null;
    if (this.#maxStreams === null || id % 2 === 0) return H2_ERROR.PROTOCOL_ERROR;
    this.#book.lastPeerStream = id;
    if (id > this.#book.lastTaken) return null;
    if (this.#book.size >= (this.#maxStreams ?? 0)) {
      this.#sender.put(makeNumberFrame(FRAME.RST_STREAM, id, H2_ERROR.REFUSED_STREAM));
      return this.#calm.spend(true) ? null : H2_ERROR.ENHANCE_YOUR_CALM;
    }
    const stream = this.#book.add(id, NOBODY);
    stream.sink = this.#outcome.onStream(stream);
    return stream;
  }

  #takeReset(id: number, chunk: Buffer, from: number, to: number): number | null {
    if (to - from !== 4) return H2_ERROR.FRAME_SIZE_ERROR;
    if (this.#book.isIdle(id)) return H2_ERROR.PROTOCOL_ERROR;
    const stream = this.#book.find(id);
    if (stream !== undefined) {
      const code = chunk.readUInt32BE(from);
      const how = code === H2_ERROR.REFUSED_STREAM ? "refused" : "reset";
      this.#book.break(stream, how, h2ErrorName(code));
    }
    return this.#calm.spend(this.#maxStreams !== null) ? null : H2_ERROR.ENHANCE_YOUR_CALM;
  }

  #takeSettings(flags: number, id: number, chunk: Buffer, from: number, to: number): number | null {
    if (id !== 0) return H2_ERROR.PROTOCOL_ERROR;
    if ((flags & FLAG.ACK) !== 0) return to === from ? null : H2_ERROR.FRAME_SIZE_ERROR;
    const { peer } = this.#sender;
    const before = peer.streamWindow;
    const code = readSettings(peer, chunk, from, to);
    if (code !== null) return code;
    // RFC 9113 §6.9.2: what is open changes along.
    for (const stream of this.#book.all()) {
      stream.sendWindow += peer.streamWindow - before;
      if (stream.sendWindow > MAX_WINDOW) return H2_ERROR.FLOW_CONTROL_ERROR;
    }
    this.hasSettings = true;
    this.#sender.put(makeFrame(FRAME.SETTINGS, FLAG.ACK, 0));
    this.#sender.pump();
    this.#outcome.onSettings();
    return this.#nuisance();
  }

  #takePing(flags: number, id: number, chunk: Buffer, from: number, to: number): number | null {
    if (id !== 0) return H2_ERROR.PROTOCOL_ERROR;
    if (to - from !== 8) return H2_ERROR.FRAME_SIZE_ERROR;
    if ((flags & FLAG.ACK) === 0)
      this.#sender.put(makeFrame(FRAME.PING, FLAG.ACK, 0, chunk.subarray(from, to)));
    return this.#nuisance();
  }

  #takeGoaway(id: number, chunk: Buffer, from: number, to: number): number | null {
    if (id !== 0) return H2_ERROR.PROTOCOL_ERROR;
    if (to - from < 8) return H2_ERROR.FRAME_SIZE_ERROR;
    const last = chunk.readUInt32BE(from) & MAX_WINDOW;
    const code = chunk.readUInt32BE(from + 4);
    this.#book.isDraining = true;
    if (this.#maxStreams === null) {
      for (const stream of this.#book.all())
        if (stream.id > last) this.#book.break(stream, "refused", `GOAWAY ${h2ErrorName(code)}`);
    }
    this.#outcome.onGoaway();
    return this.#nuisance();
  }

  #takeWindow(id: number, chunk: Buffer, from: number, to: number): number | null {
    if (to - from !== 4) return H2_ERROR.FRAME_SIZE_ERROR;
    const more = chunk.readUInt32BE(from) & MAX_WINDOW;
    if (id === 0) {
      if (more === 0) return H2_ERROR.PROTOCOL_ERROR;
      this.#sender.window += more;
      if (this.#sender.window > MAX_WINDOW) return H2_ERROR.FLOW_CONTROL_ERROR;
      this.#sender.pump();
      return null;
    }
    const stream = this.#book.find(id);
    if (stream === undefined) return this.#book.isIdle(id) ? H2_ERROR.PROTOCOL_ERROR : null;
    stream.sendWindow += more;
    if (more === 0) this.#book.refuse(stream, H2_ERROR.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW) this.#book.refuse(stream, H2_ERROR.FLOW_CONTROL_ERROR);
    else if (stream.out !== null) {
      this.#sender.sendData(stream);
      this.#book.sent(stream);
    }
    return null;
  }

  #nuisance(): number | null {
    return this.#calm.spend(false) ? null : H2_ERROR.ENHANCE_YOUR_CALM;
  }

  /** @returns whether the peer keeps to the window of the connection. */
  #creditLink(bytes: number): boolean {
    this.#window -= bytes;
    this.#uncredited += bytes;
    if (this.#window < 0) return false;
    if (this.#uncredited * 2 < LINK_WINDOW) return true;
    this.#sender.put(makeNumberFrame(FRAME.WINDOW_UPDATE, 0, this.#uncredited));
    this.#window += this.#uncredited;
    this.#uncredited = 0;
    return true;
  }
}

/** The sink of a stream until its owner is asked for one. */
const NOBODY: StreamSink = {
  onFields: () => {},
  onData: () => {},
  onEnd: () => {},
  onRoom: () => {},
  onBroken: () => {},
};
