import { httpDate } from "../http-date.ts";
import type { RenderedReply } from "../render-reply.ts";

/** Of connections of HTTP/1.1, or written as a frame here (RFC 9113 §8.2.2). */
const LEFT_OUT = new Set(["connection", "keep-alive", "proxy-connection", "upgrade"]);

/**
 * The fields of a reply's head. They are read from the words for HTTP/1.1, which are checked and cost
 * those that are sent as they are nothing.
 */
export function replyFields(reply: RenderedReply, isBodiless: boolean): string[] {
  const { words } = reply;
  const fields = [":status", String(reply.status)];
  let at = words.indexOf("\r\n") + 2;
  while (at < words.length) {
    const colon = words.indexOf(":", at);
    const end = words.indexOf("\r\n", colon);
    const name = words.slice(at, colon).toLowerCase();
    if (!LEFT_OUT.has(name)) fields.push(name, words.slice(colon + 1, end).trim());
    at = end + 2;
  }
  if (!reply.isDated) fields.push("date", httpDate(performance.now()));
  const length = lengthOf(reply, isBodiless);
  if (length >= 0) fields.push("content-length", String(length));
  return fields;
}

/** What `content-length` is to say; -1 for nothing. */
function lengthOf(reply: RenderedReply, isBodiless: boolean): number {
  const { body, declared, status, isPassedOn } = reply;
  if (status === 204) return -1;
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  // RFC 9110 §8.6: without a body it may tell the length that a GET would have had, or nothing.
  if (declared >= 0 && (body !== null || isBodiless)) return declared;
  if (body !== null) return isBodiless && !isPassedOn && status !== 304 ? 0 : -1;
  return isBodiless && (isPassedOn || status === 304) ? -1 : 0;
}
