import type { CallBody, UpstreamCall } from "../transport.ts";

/** Bodies up to this are copied behind the head, so that a request is one write and one segment. */
const ONE_WRITE_BYTES = 65_536;

/** Methods whose missing body is said with `Content-Length: 0` (RFC 9110 §8.6). */
const ANTICIPATES_BODY = /^(?:POST|PUT|PATCH)$/;

/**
 * The first bytes of a request (RFC 9112 §3, §6): the head, with a body behind it that is known and
 * small. What is left is the {@link largeBody}, or a stream.
 *
 * @param words request line and headers, each line with its CRLF, as `word-head.ts` gives them.
 * @returns a string when all is ASCII: it is written as it is.
 */
export function writeRequest(call: UpstreamCall, words: string): string | Buffer {
  const { body } = call;
  if (typeof body === "string") return writeText(call, words, body);
  const head = words + framing(call) + ending(call);
  if (!(body instanceof Uint8Array)) return isAscii(head) ? head : Buffer.from(head, "latin1");
  if (body.byteLength > ONE_WRITE_BYTES) return Buffer.from(head, "latin1");
  const first = Buffer.allocUnsafe(head.length + body.byteLength);
  first.write(head, 0, "latin1");
  first.set(body, head.length);
  return first;
}

/** The body when it is too large to be copied behind the head; else `null`. */
export function largeBody({ body }: UpstreamCall): Uint8Array | null {
  return body instanceof Uint8Array && body.byteLength > ONE_WRITE_BYTES ? body : null;
}

function writeText(call: UpstreamCall, words: string, body: string): string | Buffer {
  const bytes = Buffer.byteLength(body);
  const head = `${words}Content-Length: ${bytes}\r\n${ending(call)}`;
  // Shared words are ASCII (`word-head.ts`).
  if (bytes === body.length && (call.sharedHead?.words === words || isAscii(words)))
    return head + body;
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}

/** Every other character takes more than a byte; counting those is an eighth of a regular expression. */
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** Whether the body can be sent a second time. */
export function isReplayable(body: CallBody): boolean {
  return !(body instanceof ReadableStream);
}

function framing(call: UpstreamCall): string {
  const { body } = call;
  if (body instanceof Uint8Array) return `Content-Length: ${body.byteLength}\r\n`;
  if (body !== null) return "Transfer-Encoding: chunked\r\n";
  return ANTICIPATES_BODY.test(call.method) ? "Content-Length: 0\r\n" : "";
}

function ending(call: UpstreamCall): string {
  return call.origin.keepalive.size === 0 ? "Connection: close\r\n\r\n" : "\r\n";
}
