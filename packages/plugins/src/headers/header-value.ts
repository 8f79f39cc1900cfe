/** Characters a header value must not hold (RFC 9110 §5.5), and what latin1 can't. */
const unsafe = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Makes text that came from a client safe as a header value: control characters are escaped as in a
 * URL, as OpenResty does, so that nobody adds a header by sending a line break; what is beyond latin1
 * goes out as its UTF-8 bytes.
 */
export function toHeaderValue(text: string): string {
  if (!unsafe.test(text)) return text;
  let bytes = "";
  for (const byte of Buffer.from(text)) {
    const isControl = (byte < 32 && byte !== 9) || byte === 127;
    bytes += isControl
      ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
      : String.fromCharCode(byte);
  }
  return bytes;
}
