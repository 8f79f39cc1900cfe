/** What ends a body in chunks that has no trailers (RFC 9112 §7.1). */
export const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");

/** One chunk of a body; bytes must not be none, for that would end the body. */
export function frameChunk(bytes: Uint8Array): Buffer {
  const size = `${bytes.byteLength.toString(16)}\r\n`;
  const framed = Buffer.allocUnsafe(size.length + bytes.byteLength + 2);
  framed.write(size, 0, "latin1");
  framed.set(bytes, size.length);
  framed.write("\r\n", size.length + bytes.byteLength, "latin1");
  return framed;
}
