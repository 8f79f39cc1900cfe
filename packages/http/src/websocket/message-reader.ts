import { applyMask } from "./apply-mask.ts";
import { isCloseCode, NO_CODE, NOT_UTF8, PROTOCOL_ERROR, TOO_BIG } from "./close-code.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import {
  MAX_CONTROL_BYTES,
  OP_BINARY,
  OP_CLOSE,
  OP_CONTINUATION,
  OP_PING,
  OP_PONG,
  OP_TEXT,
} from "./opcodes.ts";

/** Hears of what the peer sends over a WebSocket; a message comes whole, whatever frames it was cut into. */
export interface MessageSink {
  /** Text as a string, binary as bytes; the bytes are the sink's own. */
  onMessage(message: string | Buffer): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** @param code 1005 when the peer gave none. */
  onClose(code: number, reason: string): void;
  /** The peer broke the protocol; nothing is read after it. `code` is what to close with. */
  onFault(code: number, reason: string): void;
}

/** Whose frames are read: a client masks its own, a server must not (RFC 6455 §5.1). */
export type MessagePeer = "client" | "server";

/** Longest head of a frame: two bytes, a length of eight, a mask of four. */
const MAX_HEAD = 14;

/** `ignoreBOM` keeps a byte order mark: it is part of the message. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the frames of one side (RFC 6455 §5) from pieces of any size; the same bytes give the same
 * messages however they are cut. No extension is negotiated, so every reserved bit is a fault.
 */
export class MessageReader {
  readonly #sink: MessageSink;
  readonly #maxBytes: number;
  readonly #isPeerMasked: boolean;
  /** The part of a head that came in an earlier piece. */
  #head: Buffer | null = null;
  #headBytes = 0;
  #opcode = OP_CONTINUATION;
  #isFinal = false;
  #mask = 0;
  /** Which byte of the mask comes next. */
  #phase = 0;
  /** Bytes of payload that the current frame still lacks; `-1` while its head is read. */
  #left = -1;
  /** The message that was begun; control frames may come in between. */
  #kind = OP_CONTINUATION;
  readonly #message = new GrowingBytes();
  readonly #control = new GrowingBytes();
  #stopped = false;

  /** @param maxBytes longest message. */
  constructor(sink: MessageSink, maxBytes: number, peer: MessagePeer) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#isPeerMasked = peer === "client";
  }

  /** @param chunk is the reader's from now on: a mask is taken off in place. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at = this.#left < 0 ? this.#readHead(chunk, at) : this.#readPayload(chunk, at);
    }
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#stopped = true;
    this.#message.clear();
  }

  #readHead(chunk: Buffer, from: number): number {
    const needs = chunk.length - from < 2 ? 2 : headNeeds(chunk, from);
    if (this.#headBytes > 0 || chunk.length - from < needs) return this.#gatherHead(chunk, from);
    this.#beginFrame(chunk, from, needs);
    return this.#endHead(chunk, from + needs);
  }

  #gatherHead(chunk: Buffer, from: number): number {
    this.#head ??= Buffer.alloc(MAX_HEAD);
    const head = this.#head;
    for (let at = from; at < chunk.length; ) {
      // The bound makes the element present.
      head[this.#headBytes++] = chunk[at++] as number;
      if (this.#headBytes < 2 || this.#headBytes < headNeeds(head, 0)) continue;
      const needs = this.#headBytes;
      this.#headBytes = 0;
      this.#beginFrame(head, 0, needs);
      return this.#endHead(chunk, at);
    }
    return chunk.length;
  }

  /** A frame without a payload is over with its head. */
  #endHead(chunk: Buffer, at: number): number {
    return this.#left === 0 ? this.#readPayload(chunk, at) : at;
  }

  /** @param end of the head, where its mask ends, if it has one. */
  #beginFrame(bytes: Buffer, at: number, needs: number): void {
    const first = bytes.readUInt8(at);
    const isMasked = (bytes.readUInt8(at + 1) & 0x80) !== 0;
    const length = payloadBytes(bytes, at);
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    const fault = this.#faultOf(first, isMasked, length);
    if (fault !== null) this.#fail(PROTOCOL_ERROR, fault);
    else if (this.#opcode < OP_CLOSE && this.#message.length + length > this.#maxBytes)
      this.#fail(TOO_BIG, `a message of more than ${this.#maxBytes} bytes`);
    else {
      this.#left = length;
      this.#mask = isMasked ? bytes.readUInt32LE(at + needs - 4) : 0;
      this.#phase = 0;
    }
  }

  #faultOf(first: number, isMasked: boolean, length: number): string | null {
    if (isMasked !== this.#isPeerMasked)
      return isMasked ? "a masked frame of a server" : "a frame of a client without a mask";
    if ((first & 0x70) !== 0) return "a reserved bit is set";
    switch (this.#opcode) {
      case OP_CONTINUATION:
        return this.#kind === OP_CONTINUATION ? "a continuation of nothing" : null;
      case OP_TEXT:
      case OP_BINARY:
        return this.#kind === OP_CONTINUATION ? null : "a message within another";
      case OP_CLOSE:
      case OP_PING:
      case OP_PONG:
        if (!this.#isFinal) return "a fragmented control frame";
        return length > MAX_CONTROL_BYTES ? "a control frame that is too long" : null;
      default:
        return "an unknown opcode";
    }
  }

  #readPayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    if (this.#mask !== 0) {
      applyMask(chunk, at, end, this.#mask, this.#phase);
      this.#phase = (this.#phase + end - at) & 3;
    }
    this.#left -= end - at;
    if (this.#opcode >= OP_CLOSE) this.#readControl(chunk, at, end);
    else this.#readMessage(chunk, at, end);
    return end;
  }

  #readMessage(chunk: Buffer, at: number, end: number): void {
    const message = this.#message;
    if (this.#opcode !== OP_CONTINUATION) this.#kind = this.#opcode;
    const isEnd = this.#left === 0 && this.#isFinal;
    if (!isEnd || message.length > 0) message.append(chunk, at, end, this.#left);
    if (this.#left === 0) this.#left = -1;
    if (isEnd) this.#deliver(message.length > 0 ? message.take() : chunk.subarray(at, end));
  }

  #deliver(payload: Buffer): void {
    const isText = this.#kind === OP_TEXT;
    this.#kind = OP_CONTINUATION;
    if (!isText) {
      this.#sink.onMessage(payload);
      return;
    }
    const text = decode(payload);
    if (text === null) this.#fail(NOT_UTF8, "a text that is not UTF-8");
    else this.#sink.onMessage(text);
  }

  #readControl(chunk: Buffer, at: number, end: number): void {
    this.#control.append(chunk, at, end, this.#left);
    if (this.#left > 0) return;
    this.#left = -1;
    const payload = this.#control.take();
    if (this.#opcode === OP_PING) this.#sink.onPing(payload);
    else if (this.#opcode === OP_PONG) this.#sink.onPong(payload);
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

/** @param at of a head whose first two bytes are there. */
function headNeeds(bytes: Buffer, at: number): number {
  const second = bytes.readUInt8(at + 1);
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

function payloadBytes(bytes: Buffer, at: number): number {
  const length = bytes.readUInt8(at + 1) & 0x7f;
  if (length < 126) return length;
  if (length === 126) return bytes.readUInt16BE(at + 2);
  // Beyond 2^53 the sum is inexact, but far over every limit.
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
