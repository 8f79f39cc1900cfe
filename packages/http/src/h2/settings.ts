import { FIRST_WINDOW, H2_ERROR, MAX_FRAME_BYTES, MAX_WINDOW } from "./frames.ts";

/** Numbers of settings (RFC 9113 §6.5.2). */
const ENABLE_PUSH = 2;
const MAX_CONCURRENT_STREAMS = 3;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
const MAX_HEADER_LIST_SIZE = 6;

const LARGEST_FRAME = 0xff_ffff;

/** What the other side allows. */
export interface PeerSettings {
  /** Streams we may have open at a time. */
  maxStreams: number;
  /** Bytes we may send on a new stream before it says more. */
  streamWindow: number;
  maxFrameBytes: number;
}

/** What holds until the first SETTINGS frame says otherwise. */
export function firstPeerSettings(): PeerSettings {
  return {
    maxStreams: Number.POSITIVE_INFINITY,
    streamWindow: FIRST_WINDOW,
    maxFrameBytes: MAX_FRAME_BYTES,
  };
}

/**
 * Reads the payload of a SETTINGS frame into `peer`; unknown settings are ignored.
 *
 * @returns the error code of a payload that is not sound, else `null`.
 */
export function readSettings(
  peer: PeerSettings,
  chunk: Buffer,
  from: number,
  to: number,
): number | null {
  if ((to - from) % 6 !== 0) return H2_ERROR.FRAME_SIZE_ERROR;
  for (let at = from; at < to; at += 6) {
    const value = chunk.readUInt32BE(at + 2);
    switch (chunk.readUInt16BE(at)) {
      case ENABLE_PUSH:
        if (value > 1) return H2_ERROR.PROTOCOL_ERROR;
        break;
      case MAX_CONCURRENT_STREAMS:
        peer.maxStreams = value;
        break;
      case INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) return H2_ERROR.FLOW_CONTROL_ERROR;
        peer.streamWindow = value;
        break;
      case MAX_FRAME_SIZE:
        if (value < MAX_FRAME_BYTES || value > LARGEST_FRAME) return H2_ERROR.PROTOCOL_ERROR;
        peer.maxFrameBytes = value;
        break;
      // The list size is advice; the table's, for an encoder that has one.
    }
  }
  return null;
}

/** What we allow. */
export interface OwnSettings {
  /** Streams the other side may have open at a time; `null` for a client, which takes none. */
  readonly maxStreams: number | null;
  readonly streamWindow: number;
  readonly maxHeaderListBytes: number;
}

/** The payload of our SETTINGS frame. */
export function writeSettings(own: OwnSettings): Buffer {
  const pairs: [number, number][] = [
    own.maxStreams === null ? [ENABLE_PUSH, 0] : [MAX_CONCURRENT_STREAMS, own.maxStreams],
    [INITIAL_WINDOW_SIZE, own.streamWindow],
    [MAX_HEADER_LIST_SIZE, own.maxHeaderListBytes],
  ];
  const payload = Buffer.allocUnsafe(pairs.length * 6);
  for (const [index, [setting, value]] of pairs.entries()) {
    payload.writeUInt16BE(setting, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return payload;
}
