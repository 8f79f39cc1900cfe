import { GrowingBytes } from "./growing-bytes.ts";

/** Hears of what a server sends over a WebSocket; a message comes whole, whatever frames it was cut into. */
export interface FrameSink {
  /** Text as a string, binary as bytes; the bytes are the sink's own. */
  onMessage(message: string | Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** @param code {@link NO_CODE} when the peer gave none. */
  onClose(code: number, reason: string): void;
  /** The peer broke the protocol; nothing is read after it. `code` is what to close with. */
  onFault(code: number, reason: string): void;
}

const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** RFC 6455 §7.4.1: stands for a Close frame without a code; never on the wire. */
const NO_CODE = 1005;
const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const TOO_BIG = 1009;

/** RFC 6455 §5.5 */
export const MAX_CONTROL_BYTES = 125;

/** `ignoreBOM` keeps a byte order mark: it is part of the message. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the frames of a server (RFC 6455 §5) from pieces of any size; the same bytes give the same
 * messages however they are cut. No extension is negotiated, so every reserved bit is a fault.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxBytes: number;
  readonly #header = Buffer.alloc(10);
  #headerBytes = 0;
  #opcode = CONTINUATION;
  #isFinal = false;
  /** Bytes of payload that the current frame still lacks; `-1` while its header is read. */
  #left = -1;
  /** The message that was begun; control frames may come in between. */
  #kind = CONTINUATION;
  readonly #message = new GrowingBytes();
  readonly #control = new GrowingBytes();
  #stopped = false;

  /** @param maxBytes longest message. */
  constructor(sink: FrameSink, maxBytes: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at = this.#left < 0 ? this.#readHeader(chunk, at) : this.#readPayload(chunk, at);
    }
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#stopped = true;
    this.#message.clear();
  }

  #readHeader(chunk: Buffer, from: number): number {
    const header = this.#header;
    let at = from;
    while (at < chunk.length) {
      // The bound makes the element present.
      header[this.#headerBytes++] = chunk[at++] as number;
      if (this.#headerBytes < this.#headerNeeds()) continue;
      this.#beginFrame(header.readUInt8(0), this.#payloadBytes());
      this.#headerBytes = 0;
      if (this.#left === 0) this.#readPayload(chunk, at);
      break;
    }
    return at;
  }

  #headerNeeds(): number {
    if (this.#headerBytes < 2) return 2;
    const length = this.#header.readUInt8(1) & 0x7f;
    return length === 126 ? 4 : length === 127 ? 10 : 2;
  }

  #payloadBytes(): number {
    const header = this.#header;
    const length = header.readUInt8(1) & 0x7f;
    if (length < 126) return length;
    if (length === 126) return header.readUInt16BE(2);
    // Beyond 2^53 the sum is inexact, but far over every limit.
    return header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6);
  }

  #beginFrame(first: number, bytes: number): void {
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    const isMasked = (this.#header.readUInt8(1) & 0x80) !== 0;
    const fault = isMasked ? "a masked frame of a server" : this.#faultOf(first, bytes);
    if (fault !== null) this.#fail(PROTOCOL_ERROR, fault);
    else if (this.#opcode < CLOSE && this.#message.length + bytes > this.#maxBytes)
      this.#fail(TOO_BIG, `a message of more than ${this.#maxBytes} bytes`);
    else this.#left = bytes;
  }

  #faultOf(first: number, bytes: number): string | null {
    if ((first & 0x70) !== 0) return "a reserved bit is set";
    switch (this.#opcode) {
      case CONTINUATION:
        return this.#kind === CONTINUATION ? "a continuation of nothing" : null;
      case TEXT:
      case BINARY:
        return this.#kind === CONTINUATION ? null : "a message within another";
      case CLOSE:
      case PING:
      case PONG:
        if (!this.#isFinal) return "a fragmented control frame";
        return bytes > MAX_CONTROL_BYTES ? "a control frame that is too long" : null;
      default:
        return "an unknown opcode";
    }
  }

  #readPayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#opcode >= CLOSE) this.#readControl(chunk, at, end);
    else this.#readMessage(chunk, at, end);
    return end;
  }

  #readMessage(chunk: Buffer, at: number, end: number): void {
    const message = this.#message;
    if (this.#opcode !== CONTINUATION) this.#kind = this.#opcode;
    const isEnd = this.#left === 0 && this.#isFinal;
    if (this.#left === 0) this.#left = -1;
    if (!isEnd || message.length > 0) message.append(chunk, at, end);
    if (isEnd) this.#deliver(message.length > 0 ? message.take() : chunk.subarray(at, end));
  }

  #deliver(payload: Buffer): void {
    const isText = this.#kind === TEXT;
    this.#kind = CONTINUATION;
    if (!isText) {
      this.#sink.onMessage(payload);
      return;
    }
    const text = decode(payload);
    if (text === null) this.#fail(NOT_UTF8, "a text that is not UTF-8");
    else this.#sink.onMessage(text);
  }

  #readControl(chunk: Buffer, at: number, end: number): void {
    this.#control.append(chunk, at, end);
    if (this.#left > 0) return;
    this.#left = -1;
    const payload = this.#control.take();
    if (this.#opcode === PING) this.#sink.onPing(payload);
    else if (this.#opcode === PONG) this.#sink.onPong(payload);
    else this.#close(payload);
  }

  #close(payload: Buffer): void {
    this.#stopped = true;
    if (payload.length === 0) {
      this.#sink.onClose(NO_CODE, "");
      return;
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    const reason = decode(payload.subarray(2));
    if (!isCloseCode(code)) this.#fail(PROTOCOL_ERROR, "a close code that must not be sent");
    else if (reason === null) this.#fail(NOT_UTF8, "a close reason that is not UTF-8");
    else this.#sink.onClose(code, reason);
  }

  #fail(code: number, reason: string): void {
    this.stop();
    this.#sink.onFault(code, reason);
  }
}

/** RFC 6455 §7.4: 1004 to 1006 and 1015 are never on the wire; below 1000 and from 5000 on nothing is. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code < 1015 && !(code >= 1004 && code <= 1006);
}

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
