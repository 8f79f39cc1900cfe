import { createHash } from "node:crypto";

/** RFC 6455 §1.3 */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The `Sec-WebSocket-Accept` that agrees to a `Sec-WebSocket-Key` (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${ACCEPT_SUFFIX}`, "latin1").digest("base64");
}

/** Whether a list header such as `Connection` holds a token, in whatever case. */
export function hasToken(list: string, token: string): boolean {
  return list.split(",").some((item) => item.trim().toLowerCase() === token);
}
