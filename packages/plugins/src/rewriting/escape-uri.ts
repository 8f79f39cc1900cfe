/** What nginx leaves as it is in a path (`ngx_escape_uri`, NGX_ESCAPE_URI). */
const plain = /^[!$&'()*+,\-./0-9:;=@A-Z[\]_a-z~]*$/;

/** Percent-encodes a decoded path as nginx does: UTF-8 bytes, `?` and `%` among them. */
export function escapePath(path: string): string {
  return plain.test(path)
    ? path
    : escapeBytes(path, (byte) => plain.test(String.fromCharCode(byte)));
}

/** Percent-encodes only what must not stand in a request line: controls, blanks, non-ASCII. */
export function escapeControls(query: string): string {
  return escapeBytes(query, (byte) => byte > 32 && byte < 127);
}

function escapeBytes(text: string, isPlain: (byte: number) => boolean): string {
  let escaped = "";
  for (const byte of Buffer.from(text)) {
    escaped += isPlain(byte)
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}
