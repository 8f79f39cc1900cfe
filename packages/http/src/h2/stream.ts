import type { DecodedBlock } from "./hpack-decoder.ts";

/** Why a stream came to an end before its time. */
export type StreamBreak =
  /** The peer ended it. */
  | "reset"
  /** As `reset`; the peer has done nothing of what was asked (RFC 9113 §8.7). */
  | "refused"
  /** The peer broke the protocol. */
  | "fault"
  /** The connection is gone. */
  | "lost";

/** Hears of what comes on a stream. */
export interface StreamSink {
  /** A head, an interim one, or trailers. */
  onFields(fields: DecodedBlock, isLast: boolean): void;
  /**
   * The data are the bytes of `chunk` from `from` up to `to`, the chunk the sink's to keep;
   * {@link H2Stream.consumed} lets the peer send as much again.
   */
  onData(chunk: Buffer, from: number, to: number): void;
  /** The peer has sent all. */
  onEnd(): void;
  /** What was given to {@link H2Stream.send} is on its way; the next piece may come. */
  onRoom(): void;
  /** Nothing more comes, and nothing more can be sent. */
  onBroken(how: StreamBreak, reason: string): void;
}

/** What a stream asks of its connection. */
export interface StreamLink {
  sendFields(stream: H2Stream, fields: readonly string[], isLast: boolean): void;
  /** Sends what {@link H2Stream.out} holds as far as the windows allow. */
  sendData(stream: H2Stream): void;
  credit(stream: H2Stream, bytes: number): void;
  reset(stream: H2Stream, code: number): void;
}

/** One request and its reply on a connection; all of it is the connection's to change. */
export class H2Stream {
  readonly id: number;
  readonly link: StreamLink;
  sink: StreamSink;
  /** Bytes we may send; below 0 when the peer made its windows smaller. */
  sendWindow: number;
  /** Bytes the peer may send. */
  receiveWindow: number;
  /** Bytes that were read but not yet credited to the peer. */
  uncredited = 0;
  /** What was given and not yet sent. */
  out: Uint8Array | null = null;
  isOutLast = false;
  /** We have sent all. */
  isLocalEnd = false;
  /** The peer has sent all. */
  isRemoteEnd = false;
  /** Neither side says anything more. */
  isClosed = false;

  constructor(
    id: number,
    link: StreamLink,
    sink: StreamSink,
    sendWindow: number,
    receiveWindow: number,
  ) {
    this.id = id;
    this.link = link;
    this.sink = sink;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Sends a head or, with `isLast`, one that has no body or trailers. */
  sendFields(fields: readonly string[], isLast: boolean): void {
    if (!this.isClosed) this.link.sendFields(this, fields, isLast);
  }

  /**
   * Sends data; one piece at a time.
   *
   * @returns whether all of it is on its way; otherwise `onRoom` follows.
   */
  send(bytes: Uint8Array, isLast: boolean): boolean {
    if (this.isClosed) return true;
    this.out = bytes;
    this.isOutLast = isLast;
    this.link.sendData(this);
    return this.out === null;
  }

  /** The reader has done with so many bytes: the peer may send as many again. */
  consumed(bytes: number): void {
    if (!this.isRemoteEnd && !this.isClosed) this.link.credit(this, bytes);
  }

  /** Ends the stream at once; its sink hears nothing more. */
  reset(code: number): void {
    if (!this.isClosed) this.link.reset(this, code);
  }
}
