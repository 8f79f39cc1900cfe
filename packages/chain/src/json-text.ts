import type { UpstreamReply } from "@catena/upstream";

const decoder = new TextDecoder("utf-8", { fatal: true });
const lenient = new TextDecoder("utf-8");

/**
 * The text of bytes that should be JSON; a byte order mark is dropped.
 *
 * @returns `null` for bytes that are not UTF-8, which RFC 8259 §8.1 asks for: replacing them would
 *   alter data.
 */
export function jsonText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * The text of a reply that should be JSON, as {@link jsonText}; empty when it has no body.
 *
 * @param reply one that was asked for with all of its body.
 */
export function replyText(reply: UpstreamReply): string | null {
  if (reply.text !== undefined) return reply.text();
  return reply.body instanceof Uint8Array ? jsonText(reply.body) : "";
}

/** Text for people: what is not UTF-8 is replaced. */
export function shownText(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** Whether a media type says JSON: `application/json`, `text/json`, anything with `+json`. */
export function isJsonType(contentType: string | null): boolean {
  return contentType !== null && JSON_TYPE.test(contentType);
}

const JSON_TYPE = /^\s*[\w!#$&^.-]+\/(?:[\w!#$&^.-]+\+)?json\s*(?:;|$)/i;
