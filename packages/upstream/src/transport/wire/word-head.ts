import type { UpstreamCall } from "../transport.ts";

/**
 * A head that can be sent as it is, in one go; testing every name and value on its own takes 2 µs of a
 * proxied request. It is narrower than RFC 9112 §3 allows (`Host` comes first, all is ASCII): what
 * does not match is looked at piece by piece. Host and the framing headers must not come again.
 */
const SOUND_HEAD =
  /^(?!CONNECT )[!#$%&'*+.^_`|~0-9A-Z-]+ \/[\x21\x22\x24-\x7e]* HTTP\/1\.1\r\nHost: [\t\x20-\x7e]*\r\n(?:(?!(?:Host|Content-Length|Transfer-Encoding):)[!#$%&'*+.^_`|~0-9A-Z-]+: [\t\x20-\x7e]*\r\n)*$/i;

/**
 * Words the request line and the headers, each line with its CRLF. For calls with a
 * {@link UpstreamCall.sharedHead} that is done once.
 *
 * @returns `null` when they may not be fit for sending, which is for `checkCall` to say.
 */
export function wordHead(call: UpstreamCall): string | null {
  if (call.words != null) return call.words;
  const { sharedHead } = call;
  if (sharedHead?.words != null) return sharedHead.words;
  const { headers } = call;
  if (headers.length % 2 !== 0) return null;
  const words = writeHead(call);
  // A line end within a value would make one more header, and no less sound a head.
  if (!SOUND_HEAD.test(words) || countLines(words) !== headers.length / 2 + 1) return null;
  if (sharedHead !== undefined) sharedHead.words = words;
  return words;
}

/** As {@link wordHead}, of a call that was checked. */
export function writeHead({ method, target, headers }: UpstreamCall): string {
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return head;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
