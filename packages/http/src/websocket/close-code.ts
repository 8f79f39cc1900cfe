import { MAX_CONTROL_BYTES } from "./opcodes.ts";

/** RFC 6455 §7.4.1: stands for a Close frame without a code; never on the wire. */
export const NO_CODE = 1005;
/** Stands for a connection that ended without a Close frame; never on the wire. */
export const ABNORMAL = 1006;
export const PROTOCOL_ERROR = 1002;
export const NOT_UTF8 = 1007;
export const TOO_BIG = 1009;

/** RFC 6455 §7.4: 1004 to 1006 and 1015 are never on the wire; below 1000 and from 5000 on nothing is. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code < 1015 && !(code >= 1004 && code <= 1006);
}

/**
 * Words the payload of a Close frame; one without a code where the code must not be sent.
 *
 * @param reason is cut to what fits.
 */
export function closePayload(code: number, reason: string): Uint8Array {
  if (!isCloseCode(code)) return new Uint8Array(0);
  const payload = Buffer.alloc(MAX_CONTROL_BYTES);
  payload.writeUInt16BE(code);
  // Never cuts a character in two (WHATWG Encoding, encodeInto).
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}
