/** Frame types (RFC 9113 §6). */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags of frames (RFC 9113 §6); a bit means different things in different frames. */
export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

/** Error codes (RFC 9113 §7). */
export const H2_ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

const errorNames = new Map<number, string>(
  Object.entries(H2_ERROR).map(([name, code]) => [code, name]),
);

/** `REFUSED_STREAM` for 7; the number for a code that has no name. */
export function h2ErrorName(code: number): string {
  return errorNames.get(code) ?? `error ${code}`;
}

/** What a client sends first (RFC 9113 §3.4). */
export const CLIENT_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const FRAME_HEAD_BYTES = 9;

/** The size every peer takes (RFC 9113 §4.2), and the one we allow. */
export const MAX_FRAME_BYTES = 16_384;

/** Every connection and stream begins with this window (RFC 9113 §6.9.2). */
export const FIRST_WINDOW = 65_535;

export const MAX_WINDOW = 0x7fff_ffff;

/** Writes the nine bytes in front of a frame's payload. */
export function writeFrameHead(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  into.writeUIntBE(length, at, 3);
  into[at + 3] = type;
  into[at + 4] = flags;
  into.writeUInt32BE(stream, at + 5);
}

/** A whole frame; its payload is copied. */
export function makeFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = NOTHING,
): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.byteLength);
  writeFrameHead(frame, 0, payload.byteLength, type, flags, stream);
  frame.set(payload, FRAME_HEAD_BYTES);
  return frame;
}

/** A frame whose payload is one number of four bytes: RST_STREAM or WINDOW_UPDATE. */
export function makeNumberFrame(type: number, stream: number, value: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 4);
  writeFrameHead(frame, 0, 4, type, 0, stream);
  frame.writeUInt32BE(value, FRAME_HEAD_BYTES);
  return frame;
}

/** @param debug ASCII; told to whoever reads the peer's log (RFC 9113 §6.8). */
export function makeGoaway(lastStream: number, code: number, debug: string): Buffer {
  const payload = Buffer.allocUnsafe(8 + debug.length);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  payload.write(debug, 8, "latin1");
  return makeFrame(FRAME.GOAWAY, 0, 0, payload);
}

const NOTHING = new Uint8Array(0);
