import type { CallBody, UpstreamCall } from "../transport.ts";

/** Bodies up to this are copied behind the head, so that a request is one write and one segment. */
const ONE_WRITE_BYTES = 65_536;

/** Methods whose missing body is said with `Content-Length: 0` (RFC 9110 §8.6). */
const ANTICIPATES_BODY = /^(?:POST|PUT|PATCH)$/;

/** The bytes of a request that are known at the start, in the order they are written. */
export interface RequestBytes {
  /** The head, with a small body behind it. A string holds ASCII only: it is written as it is. */
  readonly first: string | Buffer;
  /** The body when it is too large to be copied. */
  readonly rest: Uint8Array | null;
}

/**
 * Words a request (RFC 9112 §3, §6). The call has passed `checkCall`: names and values hold nothing
 * that could end a line.
 */
export function writeRequest(call: UpstreamCall): RequestBytes {
  const { body } = call;
  if (typeof body === "string") return writeText(call, body);
  const head = writeHead(call, framing(call));
  if (!(body instanceof Uint8Array))
    return { first: isAscii(head) ? head : Buffer.from(head, "latin1"), rest: null };
  if (body.byteLength > ONE_WRITE_BYTES) return { first: Buffer.from(head, "latin1"), rest: body };
  const first = Buffer.allocUnsafe(head.length + body.byteLength);
  first.write(head, 0, "latin1");
  first.set(body, head.length);
  return { first, rest: null };
}

function writeText(call: UpstreamCall, body: string): RequestBytes {
  const bytes = Buffer.byteLength(body);
  const head = writeHead(call, `Content-Length: ${bytes}\r\n`);
  const text = head + body;
  if (isAscii(text)) return { first: text, rest: null };
  return { first: Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]), rest: null };
}

/** Every other character takes more than a byte; counting those is an eighth of a regular expression. */
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** Whether the body can be sent a second time. */
export function isReplayable(body: CallBody): boolean {
  return !(body instanceof ReadableStream);
}

function writeHead(call: UpstreamCall, framingLine: string): string {
  const { headers } = call;
  let head = `${call.method} ${call.target} HTTP/1.1\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  head += framingLine;
  if (call.origin.keepalive.size === 0) head += "Connection: close\r\n";
  return `${head}\r\n`;
}

function framing(call: UpstreamCall): string {
  const { body } = call;
  if (body instanceof Uint8Array) return `Content-Length: ${body.byteLength}\r\n`;
  if (body !== null) return "Transfer-Encoding: chunked\r\n";
  return ANTICIPATES_BODY.test(call.method) ? "Content-Length: 0\r\n" : "";
}
