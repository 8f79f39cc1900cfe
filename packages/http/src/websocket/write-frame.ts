import { applyMask } from "./apply-mask.ts";
import { OP_TEXT } from "./opcodes.ts";

/** Mask keys made at a time: a call into the system for each would cost more than the frame. */
const KEYS = 1024;

const keys = new Uint32Array(KEYS);
let used = KEYS;

/** RFC 6455 §5.3: a client's mask must not be foreseeable. */
function nextKey(): number {
  if (used === KEYS) {
    crypto.getRandomValues(keys);
    used = 0;
  }
  // `used` is below the length here.
  return keys[used++] as number;
}

/**
 * Words one frame of a client, final and masked (RFC 6455 §5.2).
 *
 * @param payload is copied.
 */
export function maskedFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.byteLength;
  const start = headBytes(length) + 4;
  const frame = Buffer.allocUnsafe(start + length);
  writeHead(frame, opcode, length, 0x80);
  const key = nextKey();
  frame.writeUInt32LE(key, start - 4);
  frame.set(payload, start);
  applyMask(frame, start, start + length, key, 0);
  return frame;
}

/**
 * Words one frame of a server, final and not masked.
 *
 * @param payload is copied.
 */
export function plainFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.byteLength;
  const start = headBytes(length);
  const frame = Buffer.allocUnsafe(start + length);
  writeHead(frame, opcode, length, 0);
  frame.set(payload, start);
  return frame;
}

/** Words a text as one frame of a server, final and not masked. */
export function plainTextFrame(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const start = headBytes(length);
  const frame = Buffer.allocUnsafe(start + length);
  writeHead(frame, OP_TEXT, length, 0);
  frame.write(text, start);
  return frame;
}

/** The head of a server's frame, for a payload that is sent behind it as it is. */
export function plainHead(opcode: number, length: number): Uint8Array {
  const head = Buffer.allocUnsafe(headBytes(length));
  writeHead(head, opcode, length, 0);
  return head;
}

/** Bytes of a frame's head without its mask: the length in its shortest form. */
function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** @param maskBit 0x80 for a frame that is masked. */
function writeHead(frame: Buffer, opcode: number, length: number, maskBit: number): void {
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = maskBit | length;
  else if (length < 65_536) {
    frame[1] = maskBit | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = maskBit | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
}
